import { useEffect, useRef } from "preact/hooks";
import { go } from "../parts/link";

const KEPT_AS_STEP = 1500;

/** Where the query is typed. The address follows each letter; "back" leads to the query before the last pause. */
export function SearchBox({ query }: { query: string }) {
  const box = useRef<HTMLInputElement>(null);
  const last = useRef(-Infinity);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const busy = event.target instanceof Element && event.target.matches("input:not([type=range], [type=checkbox]), select, textarea");
      if (event.key !== "/" || busy || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      box.current?.select();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  const search = (text: string) => {
    const now = performance.now();
    go({ q: text || null, weights: null, why: null, limit: null }, now - last.current > KEPT_AS_STEP ? "push" : "replace");
    last.current = now;
  };
  return (
    <form class="box" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        ref={box}
        type="search"
        aria-label="Query"
        placeholder="Search by meaning"
        autocomplete="off"
        spellcheck={false}
        autofocus={!query}
        maxLength={10000}
        value={query}
        onInput={(event) => search(event.currentTarget.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  );
}
