import { useState } from "preact/hooks";
import { ask, type Problem } from "../api/ask";
import type { Collection } from "../collection";
import { may, useMe } from "../me";
import { Notice } from "../parts/Notice";
import { count } from "../parts/numbers";

/** The models of a collection; one that is complete can be searched from now on. */
export function Models({ collection, changed }: { collection: Collection; changed(): void }) {
  const admin = may(useMe(), "admin");
  const [problem, setProblem] = useState<Problem>();
  const search = async (model: string) => {
    setProblem(undefined);
    try {
      await ask("POST", "/v1/collections/{name}/models/switch", { path: { name: collection.name }, body: { model } });
      changed();
    } catch (error) {
      setProblem(error as Problem);
    }
  };
  return (
    <section aria-labelledby="models">
      <h2 id="models">Models</h2>
      {problem && <Notice problem={problem} />}
      <div class="scroll" tabIndex={0} role="group" aria-label="Models">
        <table>
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col">State</th>
              <th scope="col">Passages without it</th>
              <th scope="col">Fingerprint</th>
            </tr>
          </thead>
          <tbody>
            {collection.models.map((each) => (
              <tr>
                <th scope="row">{each.name}</th>
                <td>
                  {each.state}{" "}
                  {admin && (each.state === "ready" || each.state === "previous") && (
                    <button type="button" class="plain" onClick={() => void search(each.fingerprint)}>
                      Search this one<span class="unseen">: {each.name}</span>
                    </button>
                  )}
                </td>
                <td>
                  {count(each.lacking)} of {count(each.passages)}
                </td>
                <td>
                  <code>{each.fingerprint.slice(0, 12)}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
