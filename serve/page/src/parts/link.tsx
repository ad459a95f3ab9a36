import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Parameters of the address by name; null takes one away. */
export type Changes = Record<string, string | null>;

const KEPT = ["in", "q"];
const CHANGED = "linkchanged";

/** The address with changes. A new `view` keeps only the collection and the query. */
export function address(changes: Changes): string {
  const now = new URLSearchParams(location.search);
  if ("view" in changes) for (const name of [...now.keys()]) if (!KEPT.includes(name)) now.delete(name);
  for (const [name, value] of Object.entries(changes)) value === null ? now.delete(name) : now.set(name, value);
  const said = now.toString();
  return said ? `/?${said}` : "/";
}

/** Show something else. With `replace`, "back" leads to what was before. */
export function go(changes: Changes, how: "push" | "replace" = "push"): void {
  history[`${how}State`](null, "", address(changes));
  dispatchEvent(new Event(CHANGED));
}

/** What the address says. All that a view shows comes from here, so that every view is a link. */
export function useLink(): URLSearchParams {
  const [said, set] = useState(location.search);
  useEffect(() => {
    const look = () => set(location.search);
    for (const event of [CHANGED, "popstate"]) addEventListener(event, look);
    return () => {
      for (const event of [CHANGED, "popstate"]) removeEventListener(event, look);
    };
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
    <a class={name} aria-current={current ? "page" : undefined} href={address(to)} onClick={follow}>
      {children}
    </a>
  );
}
