import { useEffect, useState } from "preact/hooks";
import { ask, type Problem, type Schemas } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import { Go } from "../parts/link";
import { Notice } from "../parts/Notice";
import { count, percent } from "../parts/numbers";
import { follow } from "./events";

const SHOWN = 8;

/** The latest jobs; one that isn't finished moves as its documents are done. */
export function Jobs({ collection, chosen }: { collection: string; chosen: string | null }) {
  const { value, problem } = useAnswer(
    (signal) => ask("GET", "/v1/jobs", { query: { collection, limit: SHOWN }, signal }),
    [collection, chosen],
  );
  const jobs = value?.jobs ?? [];
  return (
    <section aria-labelledby="jobs">
      <h2 id="jobs">Jobs</h2>
      {problem && <Notice problem={problem} />}
      {value && !jobs.length && <p class="hint">Nothing was queued here in the last 30 days.</p>}
      <ul class="jobs">
        {jobs.map((job) => (
          <Job key={job.job} collection={collection} state={job} />
        ))}
      </ul>
    </section>
  );
}

function Job({ collection, state }: { collection: string; state: Schemas["JobState"] }) {
  const [now, set] = useState(state);
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    if (state.finished) return;
    const leaving = new AbortController();
    follow(state.job, collection, set, leaving.signal).catch((error: Problem) => {
      if (!leaving.signal.aborted) setProblem(error);
    });
    return () => leaving.abort();
  }, [state.job]);
  const done = now.indexed + now.superseded + now.deleted + now.failed;
  const parts = [
    [now.indexed, "indexed"],
    [now.superseded, "superseded"],
    [now.deleted, "deleted"],
    [now.failed, "failed"],
  ] as const;
  return (
    <li class="job">
      <code>{now.job.slice(0, 8)}</code>
      <progress
        aria-label={`Job ${now.job.slice(0, 8)}`}
        class={now.failed ? "failed" : ""}
        max={now.submitted || 1}
        value={now.submitted ? done : 1}
      />
      <span>{now.finished ? "finished" : percent(done / (now.submitted || 1))}</span>
      <span class="hint">
        {parts
          .filter(([number]) => number)
          .map(([number, name]) => `${count(number)} ${name}`)
          .join(", ")}{" "}
        of {count(now.submitted)}
        {now.finished && now.indexed > 0 && (
          <>
            {" · "}
            <Go to={{ view: null }}>Search</Go>
          </>
        )}
      </span>
      {problem && <Notice problem={problem} />}
    </li>
  );
}
