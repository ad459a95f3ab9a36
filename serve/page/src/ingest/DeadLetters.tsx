import { useState } from "preact/hooks";
import { ask, Problem } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import { Dialog } from "../parts/Dialog";
import { Notice } from "../parts/Notice";
import { count } from "../parts/numbers";

/**
 * Documents that could not be indexed, why, and what can be done with them.
 *
 * @param failed how many there are in the latest jobs; they are asked for again when it changes.
 */
export function DeadLetters({ collection, failed }: { collection: string; failed: number }) {
  const [changes, setChanges] = useState(0);
  const [problem, setProblem] = useState<Problem>();
  const [purging, purge] = useState(false);
  const found = useAnswer(
    (signal) => ask("GET", "/v1/dead-letters", { query: { collection, limit: 20 }, signal }),
    [collection, changes, failed],
  );
  const letters = found.value?.letters ?? [];
  const act = async (asked: Promise<unknown>) => {
    setProblem(undefined);
    try {
      await asked;
    } catch (error) {
      setProblem(error as Problem);
    }
    setChanges((before) => before + 1);
  };
  const retry = (which: { ids: string[] } | { all: true }) =>
    act(
      ask("POST", "/v1/dead-letters/retry", { body: { collection, ...which } }).then(({ refused: [first] }) => {
        if (first) throw new Problem(409, "", first.reason);
      }),
    );
  const discard = () => {
    purge(false);
    return act(ask("POST", "/v1/dead-letters/purge", { body: { collection, all: true } }));
  };
  return (
    <section aria-labelledby="dead-letters">
      <h2 id="dead-letters">Dead letters</h2>
      {(found.problem ?? problem) && <Notice problem={(found.problem ?? problem)!} />}
      {found.value && !letters.length && <p class="hint">None: every document that was queued could be indexed.</p>}
      {letters.length > 0 && (
        <>
          <p class="actions">
            <button onClick={() => void retry({ all: true })}>
              Retry all
            </button>
            <button class="danger" onClick={() => purge(true)}>
              Purge all
            </button>
          </p>
          <ul class="letters">
            {letters.map((each) => (
              <li>
                <span>
                  <b>{each.document ?? "a message that can't be read"}</b> {each.error}: {each.reason}
                  <time class="hint" dateTime={new Date(each.failed_at).toISOString()}>
                    {new Date(each.failed_at).toLocaleString()}
                  </time>
                </span>
                <button onClick={() => void retry({ ids: [each.id] })}>
                  Retry<span class="unseen"> {each.document}</span>
                </button>
              </li>
            ))}
          </ul>
          {found.value?.next && <p class="hint">The oldest {count(letters.length)} are shown.</p>}
        </>
      )}
      {purging && (
        <Dialog title="Purge all dead letters?" close={() => purge(false)}>
          <p>They are deleted for good, with the documents that they hold.</p>
          <p class="actions">
            <button class="danger" onClick={() => void discard()}>
              Purge
            </button>
          </p>
        </Dialog>
      )}
    </section>
  );
}
