import { useState } from "preact/hooks";
import { ask, type Problem } from "../api/ask";
import type { Collection } from "../collection";
import { may, useMe } from "../me";
import { Notice } from "../parts/Notice";
import { count } from "../parts/numbers";
import { Table } from "../parts/Table";

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
      <Table label="Models" heads={["Model", "State", "Passages without it", "Fingerprint"]}>
        {collection.models.map((each) => (
          <tr>
            <th scope="row">{each.name}</th>
            <td>
              {each.state}{" "}
              {admin && (each.state === "ready" || each.state === "previous") && (
                <button class="plain" onClick={() => void search(each.fingerprint)}>
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
      </Table>
    </section>
  );
}
