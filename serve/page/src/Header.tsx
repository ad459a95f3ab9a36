import { useEffect } from "preact/hooks";
import type { Me } from "./me";
import { Go, go } from "./parts/link";

const VIEWS = [
  [null, "Search"],
  ["compare", "Compare"],
  ["ingest", "Ingest"],
  ["status", "Status"],
] as const;

/** What means something else in another collection, or nothing: it may have no words. */
const OF_A_COLLECTION = {
  model: null,
  "b.model": null,
  filter: null,
  weights: null,
  words: null,
  "b.words": null,
  fusion: null,
  "b.fusion": null,
};

interface Props {
  me: Me;
  /** The collections that there are, as far as they may be seen. */
  names: readonly string[];
  collection: string;
  view: string;
  query: string | null;
}

/** Where one is, and where one can go. */
export function Header({ me, names, collection, view, query }: Props) {
  useEffect(() => {
    const label = VIEWS.find(([name]) => name === view)?.[1];
    document.title = [label ?? query, "Postings"].filter(Boolean).join(" – ");
  }, [view, query]);
  const shown = [...new Set([...names, collection])].sort();
  return (
    <header class="top">
      <Go class="brand" to={{ view: null, q: null, weights: null, filter: null, limit: null }}>
        Postings
      </Go>
      <nav aria-label="Views">
        {/* The queue is that of all tenants. */}
        {VIEWS.filter(([name]) => me.tenant === null || name !== "status").map(([name, label]) => (
          <Go to={{ view: name }} current={(name ?? "search") === view}>
            {label}
          </Go>
        ))}
      </nav>
      {shown.length > 1 ? (
        <select
          aria-label="Collection"
          value={collection}
          onChange={(event) => go({ ...OF_A_COLLECTION, view: view === "document" ? null : view, in: event.currentTarget.value })}
        >
          {shown.map((name) => (
            <option dir="auto">{name}</option>
          ))}
        </select>
      ) : (
        <bdi class="collection">{collection}</bdi>
      )}
    </header>
  );
}
