import { useState } from "preact/hooks";
import { ask, keepKey } from "./api/ask";
import { useAnswer } from "./api/use-answer";
import { useCollection } from "./collection";
import { CompareView } from "./compare/CompareView";
import { DocumentView } from "./document/DocumentView";
import { Header } from "./Header";
import { IngestView } from "./ingest/IngestView";
import { KeyForm } from "./KeyForm";
import { type Me, MeContext } from "./me";
import { useLink } from "./parts/link";
import { Notice } from "./parts/Notice";
import { NoCollection } from "./search/Start";
import { SearchView } from "./search/SearchView";
import { StatusView } from "./status/StatusView";

/** The page: asks for a key where one is needed, and shows the view that the address names. */
export function App() {
  const [tries, again] = useState(0);
  const { value: me, problem } = useAnswer((signal) => ask("GET", "/v1/whoami", { signal }), [tries]);
  if (problem?.status === 401)
    return (
      <KeyForm
        refused={tries > 0}
        use={(key) => {
          keepKey(key);
          again(tries + 1);
        }}
      />
    );
  if (problem) return <Notice problem={problem} />;
  if (!me)
    return (
      <header class="top">
        <span class="brand">Postings</span>
      </header>
    );
  return (
    <MeContext.Provider value={me}>
      <Page me={me} />
    </MeContext.Provider>
  );
}

function Page({ me }: { me: Me }) {
  const link = useLink();
  const name = link.get("in") ?? me.collection;
  const [looks, look] = useState(0);
  const collection = useCollection(name, looks);
  const view = link.get("view") ?? "search";
  return (
    <>
      <Header me={me} collection={name} view={view} />
      {view === "ingest" ? (
        <IngestView link={link} collection={name} />
      ) : view === "document" ? (
        <DocumentView link={link} collection={name} />
      ) : collection.problem?.name === "collection-not-found" ? (
        <NoCollection name={name} />
      ) : collection.problem ? (
        <Notice problem={collection.problem} />
      ) : collection.value?.name !== name ? (
        <main aria-busy="true" />
      ) : view === "compare" ? (
        <CompareView link={link} collection={collection.value} />
      ) : view === "status" ? (
        <StatusView collection={collection.value} reload={() => look(looks + 1)} />
      ) : (
        <SearchView link={link} collection={collection.value} />
      )}
    </>
  );
}
