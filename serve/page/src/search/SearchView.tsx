import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ask } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import type { Collection } from "../collection";
import { Quality } from "../judgements/Quality";
import { useJudging, useQuality } from "../judgements/use-judging";
import { go } from "../parts/link";
import { Notice } from "../parts/Notice";
import { things } from "../parts/numbers";
import { tell } from "../parts/tell";
import { Elsewhere } from "./Elsewhere";
import { evidenceOf, sum } from "./evidence";
import { Facets } from "./Facets";
import { HitCard } from "./HitCard";
import { SearchBox } from "./SearchBox";
import { type Chosen, chosenOf, filterOf, holding, settings, type Weights, weightsOf } from "./settings";
import { SettingsForm } from "./SettingsForm";
import { Start } from "./Start";
import { type Term, Terms, weighted } from "./Terms";
import { type Found, useSearch } from "./use-search";
import { WhyDialog } from "./WhyDialog";

const LIMITS = [10, 20, 50, 100];

/** Hits that fill a window. */
const FIRST = 3;

interface Props {
  link: URLSearchParams;
  name: string;
  /** Not there yet at first; the search doesn't wait for it. */
  collection: Collection | undefined;
}

/** Search as you type, and see why. Of the address: `q`, `limit`, `filter`, `weights`, `why`, and the settings. */
export function SearchView({ link, name, collection }: Props) {
  const query = link.get("q") ?? "";
  const limit = LIMITS.find((each) => String(each) === link.get("limit")) ?? LIMITS[0]!;
  const chosen = chosenOf(link);
  const weights = weightsOf(link);
  const filter = filterOf(chosen);
  const options = { ...settings(link), limit, ...(filter && { filter }) };
  const found = useSearch(query, options, weights);
  const judging = useJudging(found.value?.query ?? "", name);
  // What stands beside the hits is asked for after them.
  const there = (found.value || found.problem) && collection;
  const quality = useQuality(options, judging.changes, there !== undefined);
  const [values, askFor] = useState(10);
  const facets = useAnswer(
    there && ((signal) => ask("POST", "/v1/facets", { body: { collection: name, limit: values }, signal })),
    [there?.name, values],
  );
  const hits = found.value?.hits ?? [];
  const scale = useMemo(() => scaleOf(hits), [hits]);
  const asked = useRef(false);
  const judge = useRef(judging.judge);
  judge.current = judging.judge;
  // The first hits are there a frame before those below and what stands beside them.
  const [isWhole, drawWhole] = useState(false);
  useEffect(() => {
    const frame = requestAnimationFrame(() => drawWhole(found.value !== undefined));
    return () => cancelAnimationFrame(frame);
  }, [found.value === undefined]);
  // Drawn again with another answer alone, not with each letter and each place of a slider.
  const cards = useMemo(
    () =>
      hits.slice(0, isWhole ? hits.length : FIRST).map((hit, at) => (
        <HitCard
          key={`${hit.id} ${hit.ordinal}`}
          hit={hit}
          rank={at + 1}
          {...scale}
          isFused={found.value?.body.fusion !== undefined}
          judging={{ grades: judging.grades, ...(judging.judge && { judge: (id, grade) => judge.current?.(id, grade) }) }}
          why={() => {
            asked.current = true;
            go({ why: at ? `${at}-${at + 1}` : "1-2" });
          }}
        />
      )),
    [found.value, isWhole, judging.grades, judging.judge === undefined],
  );
  const summary = found.value && summaryOf(found.value, weights, chosen);
  useEffect(() => tell(summary ?? ""), [found.value]);
  // Where there is room for it, it is always open.
  const [adjusting, adjust] = useState(false);
  const why = link.get("why")?.split("-").map(Number);
  const next = LIMITS.find((each) => each > limit);

  return (
    <>
      <h1 class="unseen">Search {name}</h1>
      <SearchBox query={query} />
      {query.trim() ? (
        <a class="unseen skip" href="#results">
          Skip to results
        </a>
      ) : (
        collection && <Start collection={collection} />
      )}
      <div class="columns">
        {query.trim() && (
          <aside aria-label="Query" aria-busy={facets.waiting} class={adjusting ? "" : "closed"}>
            <button class="adjust" aria-expanded={adjusting} onClick={() => adjust(!adjusting)}>
              Terms and filters
            </button>
            <div class="panel">
              <SettingsForm link={link} collection={collection} />
              <Quality {...quality} />
            </div>
            {found.value && isWhole && (
              <Terms
                query={query}
                terms={found.value.terms}
                weights={weights}
                change={(changed) => go(holding("weights", changed), "replace")}
              />
            )}
            <Facets
              facets={facets.value}
              limit={values}
              more={() => askFor(10 * values)}
              chosen={chosen}
              change={(changed) => go({ ...holding("filter", changed), limit: null }, "replace")}
            />
            {found.value && isWhole && <Elsewhere body={found.value.body} />}
          </aside>
        )}
        <section class="results" aria-labelledby="results" aria-busy={found.waiting}>
          <h2 class="unseen" id="results" tabIndex={-1}>
            Results
          </h2>
          {found.problem && <Notice problem={found.problem} again={found.again} />}
          {judging.problem && <Notice problem={judging.problem} />}
          {found.waiting && !found.value && <p class="summary late">Searching …</p>}
          {found.value && (
            <p class="summary">
              {summary}
              {!found.waiting && <span aria-hidden="true"> in {Math.max(1, Math.round(found.value.milliseconds))} ms</span>}
            </p>
          )}
          <ol class="hits">
            {cards}
          </ol>
          {next && hits.length === limit && (
            <button class="more" onClick={() => go({ limit: String(next) }, "replace")}>
              Show {next}
            </button>
          )}
        </section>
      </div>
      {why && hits.length > 1 && (
        <WhyDialog
          hits={hits}
          above={why[0]!}
          below={why[1]!}
          choose={(above, below) => go({ why: `${above}-${below}` }, "replace")}
          // Not one more step that "back" would lead to.
          close={() => (asked.current ? history.back() : go({ why: null }, "replace"))}
        />
      )}
    </>
  );
}

/** Why there are no hits. */
function nothing(terms: readonly Term[], weights: Weights, chosen: readonly Chosen[]): string {
  if (weighted(terms, weights).every((term) => !term.weight)) return "All terms are off";
  return chosen.length ? "No hit with these filters" : "Nothing shares a token with this query";
}

function summaryOf({ hits, terms, tokensLeftOut }: Found, weights: Weights, chosen: readonly Chosen[]): string {
  const best = hits.length ? `The best ${things(hits.length, "passage")}` : nothing(terms, weights, chosen);
  return tokensLeftOut ? `${best}; the model reads none of the last ${tokensLeftOut} tokens` : best;
}

/** What bars and colors are measured by: the best hit's sum, and the deepest piece. */
function scaleOf(hits: readonly Parameters<typeof HitCard>[0]["hit"][]) {
  const all = hits.map((hit) => hit.contributions ?? []);
  const parts = hits.map(evidenceOf).flatMap(({ text, title }) => [...text, ...title]);
  return {
    best: Math.max(0, ...all.map(sum)),
    deepest: parts.reduce((most, piece) => Math.max(most, piece.part), 0),
  };
}
