import { useEffect, useState } from "preact/hooks";
import { ask, type Schemas } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import type { Collection } from "../collection";
import { Notice } from "../parts/Notice";
import { count, number } from "../parts/numbers";
import { Models } from "./Models";
import { Table } from "../parts/Table";

const EVERY = 2000;

/** The queue, its workers and its rates, now; and the models of the collection. */
export function StatusView({ collection, reload }: { collection: Collection; reload(): void }) {
  const [look, again] = useState(0);
  const { value, problem } = useAnswer(
    (signal) => ask("GET", "/v1/status", { query: { collection: collection.name }, signal }),
    [collection.name, look],
  );
  useEffect(() => {
    const timer = setInterval(() => document.hidden || again((before) => before + 1), EVERY);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <h1>{collection.name}</h1>
      <ul class="figures">
        <Figure name="documents" value={count(collection.documents)} />
        <Figure name="passages" value={count(collection.passages)} />
        {value?.queue && <Rates queue={value.queue} />}
      </ul>
      {problem && <Notice problem={problem} />}
      {value?.queue_problem && <p class="notice">{value.queue_problem}</p>}
      {value?.queue && <Workers workers={value.queue.workers} />}
      <Models collection={collection} changed={reload} />
    </>
  );
}

function Rates({ queue }: { queue: Schemas["Queue"] }) {
  return (
    <>
      <Figure name="queued" value={count(queue.queued)} />
      <Figure name="in flight" value={count(queue.in_flight)} />
      <Figure name="documents/s" value={number(queue.documents_per_second)} />
      <Figure name="oldest" value={`${count(Math.round(queue.oldest_seconds))} s`} />
      <Figure name="dead letters" value={count(queue.dead_letters)} />
    </>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <li>
      <b>{value}</b>
      <span class="hint">{name}</span>
    </li>
  );
}

function Workers({ workers }: { workers: readonly Schemas["Worker"][] }) {
  return (
    <section aria-labelledby="workers">
      <h2 id="workers">Workers</h2>
      {!workers.length && <p class="hint">None now. One starts when documents are queued here, or runs elsewhere.</p>}
      {workers.length > 0 && (
        <Table label="Workers" heads={["Worker", "State", "Device", "Documents", "Documents/s", "Batches in flight"]}>
          {workers.map((each) => (
            <tr>
              <th scope="row">{each.name}</th>
              <td>{each.trouble ?? (each.ready ? "ready" : "starting")}</td>
              <td>{each.device}</td>
              <td>{count(each.documents)}</td>
              <td>{number(each.documents_per_second)}</td>
              <td>{count(each.batches_in_flight)}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
