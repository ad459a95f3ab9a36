import { useEffect, useState } from "preact/hooks";
import { ask, Problem, type Schemas } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import { may, useMe } from "../me";
import { Dialog } from "../parts/Dialog";
import { Go, go } from "../parts/link";
import { Notice } from "../parts/Notice";
import { count, number } from "../parts/numbers";

const WEIGHTS = 40;

/** In ms: what is larger is a time, as versions are by default. */
const YEAR_2001 = 1e12;

/** A document of the index: its passages, and their weights as words. Of the address: `id`. */
export function DocumentView({ link, collection }: { link: URLSearchParams; collection: string }) {
  const id = link.get("id") ?? "";
  const { value, problem } = useAnswer(
    (signal) => ask("GET", "/v1/documents", { query: { id, collection, weights: WEIGHTS }, signal }),
    [id, collection],
  );
  return (
    <>
      {link.get("q") && (
        <p>
          <Go to={{ view: null }}>← Results for “<bdi>{link.get("q")}</bdi>”</Go>
        </p>
      )}
      {problem && <h1 class="unseen">{id}</h1>}
      {problem && <Notice problem={problem} />}
      {value && <Shown document={value} collection={collection} />}
    </>
  );
}

function Shown({ document, collection }: { document: Schemas["ShownDocument"]; collection: string }) {
  const me = useMe();
  const metadata = Object.entries(document.metadata);
  const name = document.title || document.id;
  useEffect(() => {
    window.document.title = `${name} – Postings`;
  }, [name]);
  const { passages } = document;
  return (
    <>
      <h1 dir="auto">{name}</h1>
      <dl class="facts">
        <dt>Id</dt>
        <dd dir="auto">{document.id}</dd>
        <dt>Version</dt>
        <dd>
          {document.version}
          {document.version > YEAR_2001 && <span class="hint"> {new Date(document.version).toLocaleString()}</span>}
        </dd>
        {metadata.map(([name, value]) => (
          <>
            <dt dir="auto">{name}</dt>
            <dd dir="auto">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
          </>
        ))}
      </dl>
      {passages.map((passage) => (
        <section class="passage">
          <h2>
            Passage {passage.ordinal + 1} of {count(passages.length)}
            <span class="hint">
              characters {count(passage.start)} to {count(passage.end)}
            </span>
          </h2>
          <p class="text" dir="auto">{passage.text}</p>
          <Weights weights={passage.weights ?? []} />
        </section>
      ))}
      {may(me, "write") && <Delete id={document.id} collection={collection} />}
    </>
  );
}

function Weights({ weights }: { weights: readonly Schemas["Weight"][] }) {
  const most = Math.max(...weights.map((each) => each.weight), 0.01);
  return (
    <ul class="weights" aria-label="Its largest weights">
      {weights.map(({ token, weight }) => (
        <li style={{ "--depth": (weight / most).toFixed(2) }}>
          <bdi>{token}</bdi> <span class="value">{number(weight)}</span>
        </li>
      ))}
      {weights.length === WEIGHTS && <li class="hint">the {WEIGHTS} largest</li>}
    </ul>
  );
}

function Delete({ id, collection }: { id: string; collection: string }) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const remove = async () => {
    try {
      const done = await ask("POST", "/v1/documents/delete", { body: { collection, ids: [id] } });
      const [newer] = (done as Schemas["Deleted"]).superseded;
      if (newer) throw new Problem(409, "", `Not deleted: version ${newer.stored} is newer.`);
      go({ view: null });
    } catch (error) {
      setProblem(error as Problem);
    }
  };
  return (
    <p>
      <button class="danger" onClick={() => setAsking(true)}>
        Delete this document
      </button>
      {asking && (
        <Dialog title="Delete this document?" close={() => setAsking(false)}>
          <p>
            <b><bdi>{id}</bdi></b> and its passages leave the index. It comes back if it is ingested again.
          </p>
          {problem && <Notice problem={problem} />}
          <p class="actions">
            <button class="danger" onClick={() => void remove()}>
              Delete
            </button>
          </p>
        </Dialog>
      )}
    </p>
  );
}
