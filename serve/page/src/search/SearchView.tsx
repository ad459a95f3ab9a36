import { useMemo, useState } from "preact/hooks";
import { ask } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import type { Collection } from "../collection";
import { Quality } from "../judgements/Quality";
import { useJudging } from "../judgements/use-judging";
import { go } from "../parts/link";
import { Notice } from "../parts/Notice";
import { things } from "../parts/numbers";
import { Elsewhere } from "./Elsewhere";
import { pieces, sum } from "./evidence";
import { Facets } from "./Facets";
import { HitCard } from "./HitCard";
import { SearchBox } from "./SearchBox";
import { type Chosen, filterOf, held, holding, settings } from "./settings";
import { SettingsForm } from "./SettingsForm";
import { Start } from "./Start";
import { Terms, type Weights } from "./Terms";
import { useSearch } from "./use-search";
import { WhyDialog } from "./WhyDialog";

const LIMITS = [10, 20, 50, 100];

interface Props {
  link: URLSearchParams;
  collection: Collection;
}

/** Search as you type, and see why. Of the address: `q`, `limit`, `filter`, `weights`, `why`, and the settings. */
export function SearchView({ link, collection }: Props) {
  const query = link.get("q") ?? "";
  const limit = Number(link.get("limit") ?? LIMITS[0]);
  const chosen = held<Chosen>(link, "filter", Array.isArray);
  const weights = held<Weights>(link, "weights", Number.isFinite);
  const filter = filterOf(chosen as Chosen);
  const options = { ...settings(link), limit, ...(filter && { filter }) };
  const found = useSearch(query, options, weights);
  const judging = useJudging(query, collection.name);
  const facets = useAnswer((signal) => ask("POST", "/v1/facets", { body: { collection: collection.name }, signal }), [
    collection.name,
  ]);
  const hits = found.value?.hits ?? [];
  const scale = useMemo(() => scaleOf(hits), [hits]);
  // Where there is room for it, it is always open.
  const [adjusting, adjust] = useState(false);
  const why = link.get("why")?.split("-").map(Number);
  const next = LIMITS.find((each) => each > limit);

  return (
    <>
      <h1 class="unseen">Search {collection.name}</h1>
      <SearchBox query={query} />
      {!query.trim() && <Start collection={collection} />}
      <div class="columns">
        <section class="results" aria-labelledby="results" aria-busy={found.waiting}>
          <h2 class="unseen" id="results">
            Results
          </h2>
          {found.problem && <Notice problem={found.problem} />}
          {judging.problem && <Notice problem={judging.problem} />}
          {found.waiting && !found.value && <p class="summary late">Searching …</p>}
          {found.value && (
            <p class="summary" role="status">
              {hits.length ? `The best ${things(hits.length, "passage")}` : "Nothing shares a token with this query"}
              {!found.waiting && <span> in {Math.max(1, Math.round(found.value.milliseconds))} ms</span>}
              {found.value.tokensLeftOut > 0 && <span>; the model reads none of the last {found.value.tokensLeftOut} tokens</span>}
            </p>
          )}
          <ol class="hits">
            {hits.map((hit, at) => (
              <HitCard
                key={`${hit.id} ${hit.ordinal}`}
                hit={hit}
                rank={at + 1}
                {...scale}
                judging={judging}
                why={() => go({ why: at ? `${at}-${at + 1}` : "1-2" })}
              />
            ))}
          </ol>
          {next && hits.length === limit && (
            <button type="button" class="more" onClick={() => go({ limit: String(next) }, "replace")}>
              Show {next}
            </button>
          )}
        </section>
        {query.trim() && (
          <aside aria-label="Query" class={adjusting ? "" : "closed"}>
            <button type="button" class="adjust" aria-expanded={adjusting} onClick={() => adjust(!adjusting)}>
              Terms and filters
            </button>
            <div class="panel">
              <SettingsForm link={link} collection={collection} />
              <Quality options={options} changes={judging.changes} />
            </div>
            {found.value && (
              <Terms
                query={query}
                terms={found.value.terms}
                weights={weights}
                change={(changed) => go(holding("weights", changed), "replace")}
              />
            )}
            <Facets
              facets={facets.value}
              chosen={chosen}
              change={(changed) => go({ ...holding("filter", changed), limit: null }, "replace")}
            />
            {found.value && <Elsewhere body={found.value.body} />}
          </aside>
        )}
      </div>
      {why && hits.length > 1 && (
        <WhyDialog
          hits={hits}
          above={why[0]!}
          below={why[1]!}
          choose={(above, below) => go({ why: `${above}-${below}` }, "replace")}
          close={() => go({ why: null }, "replace")}
        />
      )}
    </>
  );
}

/** What bars and colors are measured by: the best hit's sum, and the deepest piece. */
function scaleOf(hits: readonly Parameters<typeof HitCard>[0]["hit"][]) {
  const all = hits.map((hit) => hit.contributions ?? []);
  const parts = hits.flatMap((hit) => [
    ...pieces(hit.text, hit.contributions ?? [], "evidence"),
    ...pieces(hit.title, hit.contributions ?? [], "title_evidence"),
  ]);
  return {
    best: Math.max(0, ...all.map(sum)),
    deepest: parts.reduce((most, piece) => Math.max(most, piece.part), 0),
  };
}
