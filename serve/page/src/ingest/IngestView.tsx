import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import { may, useMe } from "../me";
import { DeadLetters } from "./DeadLetters";
import { Jobs } from "./Jobs";
import { Upload } from "./Upload";

const SHOWN = 8;
const EVERY = 1000;

interface Props {
  collection: string;
  /** Called when documents have come into the index. */
  changed(): void;
}

/** Add documents, and see what becomes of them. */
export function IngestView({ collection, changed }: Props) {
  const me = useMe();
  const [looks, look] = useState(0);
  const { value, problem } = useAnswer(
    (signal) => ask("GET", "/v1/jobs", { query: { collection, limit: SHOWN }, signal }),
    [collection, looks],
  );
  const jobs = value?.jobs ?? [];
  const finished = jobs.filter((job) => job.finished).length;
  const isMoving = problem !== undefined || finished < jobs.length;
  useEffect(() => {
    const timer = isMoving && setTimeout(() => look(looks + 1), EVERY);
    return () => clearTimeout(timer || undefined);
  }, [value, problem]);
  useEffect(changed, [finished]);
  return (
    <>
      <h1>Add documents</h1>
      {may(me, "write") ? (
        <Upload collection={collection} added={() => look(looks + 1)} />
      ) : (
        <p class="hint">Adding documents needs a key with the scope “write”.</p>
      )}
      <Jobs jobs={value?.jobs} problem={problem} />
      {may(me, "admin") && <DeadLetters collection={collection} failed={jobs.reduce((sum, job) => sum + job.failed, 0)} />}
    </>
  );
}
