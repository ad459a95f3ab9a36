import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Parameters of the address by name; null takes one away. */
export type Changes = Record<string, string | null>;

/** What belongs to one view alone: a new `view` begins without. */
const OF_A_VIEW = ["view", "id", "why"];
const CHANGED = "linkchanged";

/** How often the address may be written, in ms: browsers refuse hundreds of changes, as a slider makes them. */
const REST = 250;

let now = location.search;
let writing = 0;

/** The address with changes. */
export function address(changes: Changes): string {
  const found = new URLSearchParams(now);
  if ("view" in changes) for (const name of OF_A_VIEW) found.delete(name);
  for (const [name, value] of Object.entries(changes)) value === null ? found.delete(name) : found.set(name, value);
  const said = found.toString();
  return said && `?${said}`;
}

/** Show something else. With `replace`, "back" leads to what was before. */
export function go(changes: Changes, how: "push" | "replace" = "push"): void {
  if (how === "push") write();
  now = address(changes);
  if (how === "push") history.pushState(null, "", `/${now}`);
  else writing ||= setTimeout(write, REST);
  dispatchEvent(new Event(CHANGED));
}

function write(): void {
  clearTimeout(writing);
  if (writing) history.replaceState(null, "", `/${now}`);
  writing = 0;
}

addEventListener("pagehide", write);
addEventListener("popstate", () => {
  clearTimeout(writing);
  writing = 0;
  now = location.search;
  dispatchEvent(new Event(CHANGED));
});

/** What the address says. All that a view shows comes from here, so that every view is a link. */
export function useLink(): URLSearchParams {
  const [said, set] = useState(now);
  useEffect(() => {
    const look = () => set(now);
    addEventListener(CHANGED, look);
    return () => removeEventListener(CHANGED, look);
  }, []);
  return new URLSearchParams(said);
}

interface Props {
  to: Changes;
  class?: string;
  current?: boolean;
  children: ComponentChildren;
}

/** A link to another view of the page. */
export function Go({ to, class: name = "", current = false, children }: Props) {
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
    scrollTo(0, 0);
  };
  return (
    <a class={name} aria-current={current ? "page" : undefined} href={`/${address(to)}`} onClick={follow}>
      {children}
    </a>
  );
}
