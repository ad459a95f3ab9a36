import type { ComponentChildren } from "preact";
import type { Collection } from "../collection";
import { may, useMe } from "../me";
import { Go } from "../parts/link";
import { things } from "../parts/numbers";

/** What is shown before the first query. */
export function Start({ collection: { name, documents, passages } }: { collection: Collection }) {
  if (!documents) return <Nothing title={<h2>{name} has no documents yet</h2>} />;
  return (
    <div class="empty">
      <p>
        {things(documents, "document")} in {things(passages, "passage")}. Type a query: each hit shows which words made its
        score.
      </p>
    </div>
  );
}

/** What is shown where there is no collection yet. */
export function NoCollection({ name }: { name: string }) {
  return <Nothing title={<h1>There is no collection {name} yet</h1>} />;
}

function Nothing({ title }: { title: ComponentChildren }) {
  return (
    <div class="empty">
      {title}
      {may(useMe(), "write") ? (
        <p>
          <Go to={{ view: "ingest" }}>Add a file</Go>, or run <code>postings ingest FILE</code>.
        </p>
      ) : (
        <p>Adding documents needs a key with the scope “write”.</p>
      )}
    </div>
  );
}
