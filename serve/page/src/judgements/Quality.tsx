import type { Answered } from "../api/use-answer";
import type { Schemas } from "../api/ask";
import { percent, things } from "../parts/numbers";

/** nDCG@10 of a search, as far as people have judged what it finds. */
export function Quality({ value, waiting }: Answered<Schemas["Evaluated"]>) {
  if (!value || value.ndcg_at_10 === null) return null;
  const { queries, judged_queries, judged_at_10 } = value;
  return (
    <p class="quality" aria-busy={waiting}>
      <span>nDCG@10</span>
      <output>{value.ndcg_at_10.toFixed(3)}</output>
      <span class="hint">
        {things(queries, "judged query", "judged queries")}
        {queries < judged_queries && `, the last of ${judged_queries}`}
        {judged_at_10 !== null && `; ${percent(judged_at_10)} of the hits are judged`}
      </span>
    </p>
  );
}
