import { useMemo } from "preact/hooks";
import type { Hit } from "../api/ask";
import type { Collection } from "../collection";
import { Quality } from "../judgements/Quality";
import { useQuality } from "../judgements/use-judging";
import { Notice } from "../parts/Notice";
import { SearchBox } from "../search/SearchBox";
import { settings } from "../search/settings";
import { SettingsForm } from "../search/SettingsForm";
import { useSearch } from "../search/use-search";
import { CompactHit } from "./CompactHit";
import { JudgedQueries } from "./JudgedQueries";
import { Moves } from "./Moves";

const LIMIT = 10;

interface Props {
  link: URLSearchParams;
  collection: Collection;
}

/** One query with two models or two settings. Of the address: `q`, the settings of Search for the first one, and those with `b.`. */
export function CompareView({ link, collection }: Props) {
  const query = link.get("q") ?? "";
  const sides = ["", "b."].map((prefix) => ({ ...settings(link, prefix), limit: LIMIT }));
  const [a, b] = [useSearch(query, sides[0]!), useSearch(query, sides[1]!)];
  const quality = [useQuality(sides[0]!, 0), useQuality(sides[1]!, 0)];
  const lists = [a, b].map((each) => each.value?.hits ?? []) as [Hit[], Hit[]];
  const keys = useMemo(() => lists.map((hits) => hits.map(keyOf)) as [string[], string[]], [a.value, b.value]);
  const side = (at: 0 | 1) => {
    const { problem, again } = [a, b][at]!;
    return (
      <section class="side" aria-label={at ? "Second search" : "First search"}>
        <div class="panel">
          <SettingsForm link={link} collection={collection} prefix={at ? "b." : ""} />
          <Quality {...quality[at]!} />
        </div>
        {problem && <Notice problem={problem} again={again} />}
        <ol class="compact">
          {lists[at].map((hit, rank) => (
            <CompactHit
              key={keyOf(hit)}
              hit={hit}
              rank={rank + 1}
              other={keys[1 - at]!.indexOf(keyOf(hit)) + 1}
              isSecond={at === 1}
            />
          ))}
        </ol>
      </section>
    );
  };
  return (
    <>
      <h1 class="unseen">Compare two searches</h1>
      <SearchBox query={query} />
      {!collection.words && collection.models.length < 2 && (
        <p class="hint">
          {collection.name} has one model and no exact words, so both sides are the same. Add a model with{" "}
          <code>postings reindex</code>, or words with <code>postings words</code>.
        </p>
      )}
      <div class="sides">
        {side(0)}
        <Moves from={keys[0]} to={keys[1]} />
        {side(1)}
      </div>
      <JudgedQueries a={quality[0]!} b={quality[1]!} collection={collection.name} />
    </>
  );
}

function keyOf(hit: Hit): string {
  return `${hit.ordinal} ${hit.id}`;
}
