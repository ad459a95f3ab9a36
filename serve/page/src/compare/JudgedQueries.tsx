import type { Schemas } from "../api/ask";
import type { Answered } from "../api/use-answer";
import { Notice } from "../parts/Notice";
import { Go } from "../parts/link";
import { signed } from "../parts/numbers";
import { Table } from "../parts/Table";

type Evaluation = Answered<Schemas["Evaluated"]>;

const SHOWN = 200;

/** nDCG@10 of each judged query on both sides, the largest differences first. */
export function JudgedQueries({ a, b, collection }: { a: Evaluation; b: Evaluation; collection: string }) {
  const problem = a.problem ?? b.problem;
  const second = new Map(b.value?.by_query.map((each) => [each.query, each.ndcg_at_10]));
  const rows = (a.value?.by_query ?? [])
    .map(({ query, ndcg_at_10 }) => {
      const other = second.get(query) ?? null;
      return { query, a: ndcg_at_10, b: other, difference: (other ?? 0) - (ndcg_at_10 ?? 0) };
    })
    .sort((x, y) => Math.abs(y.difference) - Math.abs(x.difference));
  return (
    <section class="judged-queries" aria-labelledby="judged" aria-busy={a.waiting || b.waiting}>
      <h2 id="judged">Judged queries</h2>
      {problem && <Notice problem={problem} />}
      {a.value && !rows.length && (
        <p class="hint">
          None yet. Mark hits as right or wrong in Search, or take those of a BEIR folder:{" "}
          <code>postings judgements import FOLDER --collection {collection}</code>
        </p>
      )}
      {rows.length > 0 && (
        <Table label="Judged queries" heads={["Query", "First", "Second", "Difference"]}>
          {rows.slice(0, SHOWN).map((row) => (
            <tr>
              <th scope="row">
                <Go to={{ q: row.query }}>
                  <bdi>{row.query}</bdi>
                </Go>
              </th>
              <td>{row.a?.toFixed(3) ?? "–"}</td>
              <td>{row.b?.toFixed(3) ?? "–"}</td>
              <td>{signed(row.difference)}</td>
            </tr>
          ))}
        </Table>
      )}
      {rows.length > SHOWN && <p class="hint">The {SHOWN} with the largest differences.</p>}
    </section>
  );
}
