import { Go } from "../parts/link";
import { things } from "../parts/numbers";
import type { Options } from "../search/settings";
import { useQuality } from "./use-judging";

/** nDCG@10 of the collection with these options, as far as people have judged it. */
export function Quality({ options, changes }: { options: Options; changes: number }) {
  const { value, waiting } = useQuality(options, changes);
  if (!value || value.ndcg_at_10 === null) return null;
  return (
    <p class="quality" aria-busy={waiting}>
      <span>nDCG@10{value.queries < value.judged_queries && ` of the last ${value.queries}`}</span>
      <output>{value.ndcg_at_10.toFixed(3)}</output>
      <Go to={{ view: "compare" }}>{things(value.judged_queries, "judged query", "judged queries")}</Go>
    </p>
  );
}
