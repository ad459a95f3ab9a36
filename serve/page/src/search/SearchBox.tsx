import { useEffect, useRef } from "preact/hooks";
import { go } from "../parts/link";

const KEPT_AS_STEP = 1500;

const IS_MAC = /^(Mac|iP)/.test(navigator.platform);

/** Where the query is typed. The address follows each letter; "back" leads to the query before the last pause. */
export function SearchBox({ query }: { query: string }) {
  const box = useRef<HTMLInputElement>(null);
  const last = useRef(-Infinity);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !event[IS_MAC ? "metaKey" : "ctrlKey"] || document.querySelector("dialog[open]")) return;
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
        aria-keyshortcuts={IS_MAC ? "Meta+K" : "Control+K"}
        dir="auto"
        placeholder="Search by meaning"
        autocomplete="off"
        spellcheck={false}
        autofocus={!query}
        maxLength={10000}
        value={query}
        onInput={(event) => search(event.currentTarget.value)}
      />
      <kbd aria-hidden="true">{IS_MAC ? "⌘ K" : "Ctrl K"}</kbd>
    </form>
  );
}
