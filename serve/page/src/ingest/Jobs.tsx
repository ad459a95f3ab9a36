import type { Problem, Schemas } from "../api/ask";
import { Go } from "../parts/link";
import { Notice } from "../parts/Notice";
import { count, percent } from "../parts/numbers";

type State = Schemas["JobState"];

/** The latest jobs, and how far each is. */
export function Jobs({ jobs, problem }: { jobs: readonly State[] | undefined; problem: Problem | undefined }) {
  return (
    <section aria-labelledby="jobs">
      <h2 id="jobs">Jobs</h2>
      {problem && <Notice problem={problem} />}
      {jobs?.length === 0 && <p class="hint">Nothing was queued here in the last 30 days.</p>}
      <ul class="jobs">
        {jobs?.map((job) => (
          <Job key={job.job} {...job} />
        ))}
      </ul>
    </section>
  );
}

function Job({ job, submitted, indexed, superseded, deleted, failed, finished }: State) {
  const done = indexed + superseded + deleted + failed;
  const name = job.slice(0, 8);
  const parts = [
    [indexed, "indexed"],
    [superseded, "superseded"],
    [deleted, "deleted"],
    [failed, "failed"],
  ] as const;
  return (
    <li class="job">
      <code>{name}</code>
      <progress aria-label={`Job ${name}`} class={failed ? "failed" : ""} max={submitted || 1} value={submitted ? done : 1} />
      <span>{finished ? "finished" : percent(done / (submitted || 1))}</span>
      <span class="hint">
        {parts
          .filter(([number]) => number)
          .map(([number, what]) => `${count(number)} ${what}`)
          .join(", ")}{" "}
        of {count(submitted)}
        {finished && indexed > 0 && (
          <>
            {" · "}
            <Go to={{ view: null }}>Search</Go>
          </>
        )}
      </span>
    </li>
  );
}
