import { useEffect, useErrorBoundary, useRef, useState } from "preact/hooks";
import { ANYBODY, ask, KEY_REFUSED, keepKey, keptKey, Problem } from "./api/ask";
import { type Answered, useAnswer } from "./api/use-answer";
import { type Collection, useCollection } from "./collection";
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
  useEffect(() => {
    const askAgain = () => again((before) => before + 1);
    addEventListener(KEY_REFUSED, askAgain);
    return () => removeEventListener(KEY_REFUSED, askAgain);
  }, []);
  const key = keptKey();
  const { value: me = ANYBODY, problem } = useAnswer(key !== null && ((signal) => ask("GET", "/v1/whoami", { signal })), [key, tries]);
  if (!me && !key)
    return (
      <KeyForm
        refused={tries > 0}
        use={(key) => {
          keepKey(key);
          again(tries + 1);
        }}
      />
    );
  if (problem) return <Notice problem={problem} again={() => again(tries + 1)} />;
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
  // A tenant may not list the collections, which are of all tenants.
  const ofAll = me.tenant === null;
  const view = link.get("view") ?? "search";
  const round = `${view} ${looks}`;
  const names = useAnswer(ofAll && ((signal) => ask("GET", "/v1/collections", { signal })), [ofAll, round]);
  const isMissing = !names.waiting && names.value !== undefined && !names.value.collections.includes(name);
  const collection = useCollection(name, !ofAll || names.value?.collections.includes(name) === true, round);
  const [bug, forget] = useErrorBoundary();
  useEffect(forget, [link.toString()]);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    // Who follows a link by keyboard, or hears the page, goes on where the new view begins.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [view]);
  return (
    <>
      <Header me={me} names={names.value?.collections ?? []} collection={name} view={view} query={link.get("q")} />
      <main ref={main} class={view} tabIndex={-1} aria-busy={names.waiting || collection.waiting}>
        {bug ? (
          <Notice problem={new Problem(0, "bug", `The page met a bug: ${bug}`)} again={forget} />
        ) : (
        <View view={view} link={link} name={name} isMissing={isMissing} collection={collection.problem ? collection : { ...collection, ...(names.problem && { problem: names.problem }) }} changed={() => look(looks + 1)} />
        )}
      </main>
    </>
  );
}

interface ViewProps {
  view: string;
  link: URLSearchParams;
  name: string;
  isMissing: boolean;
  collection: Answered<Collection>;
  changed(): void;
}

function View({ view, link, name, isMissing, collection: { value, problem }, changed }: ViewProps) {
  if (view === "ingest") return <IngestView collection={name} changed={changed} />;
  if (view === "document") return <DocumentView link={link} collection={name} />;
  if (isMissing || problem?.name === "collection-not-found") return <NoCollection name={name} />;
  if (problem)
    return (
      <>
        <h1 class="unseen">{name}</h1>
        <Notice problem={problem} again={changed} />
      </>
    );
  // While another collection is asked for, the value is that of before.
  const there = value?.name === name ? value : undefined;
  if (view !== "compare" && view !== "status") return <SearchView key={name} link={link} name={name} collection={there} />;
  if (!there) return null;
  if (view === "compare") return <CompareView link={link} collection={there} />;
  return <StatusView collection={there} reload={changed} />;
}
