import { ask } from "./api/ask";
import { useAnswer } from "./api/use-answer";
import type { Me } from "./me";
import { Go, go } from "./parts/link";

const VIEWS = [
  [null, "Search"],
  ["compare", "Compare"],
  ["ingest", "Ingest"],
  ["status", "Status"],
] as const;

interface Props {
  me: Me;
  collection: string;
  view: string;
}

/** Where one is, and where one can go. */
export function Header({ me, collection, view }: Props) {
  // A tenant sees neither the collections nor the queue, which are of all tenants.
  const ofAll = me.tenant === null;
  const found = useAnswer(ofAll ? (signal) => ask("GET", "/v1/collections", { signal }) : null, []);
  const names = [...new Set([...(found.value?.collections ?? []), collection])].sort();
  return (
    <header class="top">
      <Go class="brand" to={{ view: null, q: null }}>
        Postings
      </Go>
      <nav aria-label="Views">
        {VIEWS.filter(([name]) => ofAll || name !== "status").map(([name, label]) => (
          <Go to={{ view: name }} current={(name ?? "search") === view}>
            {label}
          </Go>
        ))}
      </nav>
      {names.length > 1 ? (
        <select
          aria-label="Collection"
          value={collection}
          onChange={(event) => go({ view: view === "search" || view === "document" ? null : view, in: event.currentTarget.value })}
        >
          {names.map((name) => (
            <option>{name}</option>
          ))}
        </select>
      ) : (
        <span class="collection">{collection}</span>
      )}
    </header>
  );
}
