import { useEffect, useState } from "preact/hooks";
import type { TokenKey } from "./evidence";

const CHANGED = "tokenlit";
let lit: TokenKey = "";
/** Stays lit when nothing is pointed at: for touch, and for those who read on. */
let kept: TokenKey = "";

/** Light a token wherever it is shown. */
function light(key: TokenKey): void {
  if (key === lit) return;
  lit = key;
  show();
  dispatchEvent(new Event(CHANGED));
}

/** Mark all elements whose `data-t` names the lit token, and the tokens that are pressed. */
function show(): void {
  // Beside Preact: to draw a hundred hits again for each move of the pointer would be slow.
  mark(".lit", `[data-t~="${lit}"]`, (each, on) => each.classList.toggle("lit", on));
  mark(".token[aria-pressed=true]", `.token[data-t="${kept}"]`, (each, on) => (each.ariaPressed = `${on}`));
}

function mark(marked: string, wanted: string, put: (each: Element, on: boolean) => void): void {
  for (const each of document.querySelectorAll(`${marked}:not(${wanted})`)) put(each, false);
  for (const each of document.querySelectorAll(`${wanted}:not(${marked})`)) put(each, true);
}

/** Light the token under the pointer, or with the focus, from now on; one that is pressed stays lit. */
export function lightTokens(): void {
  const named = ({ target }: Event) => (target instanceof Element ? target.closest<HTMLElement>("[data-t]") : null);
  const look = (event: Event) => light(named(event)?.dataset.t?.split(" ", 1)[0] ?? kept);
  const keep = (key: TokenKey) => {
    kept = key;
    show();
  };
  addEventListener("pointerover", look);
  addEventListener("focusin", look);
  addEventListener("click", (event) => {
    const token = named(event);
    if (token?.matches(".token")) keep(token.dataset.t === kept ? "" : token.dataset.t!);
  });
  addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    keep("");
    light("");
  });
  // Preact uses an element again for another token, and knows nothing of its light.
  new MutationObserver(show).observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-t"] });
}

/** The token that is lit; empty if none is. */
export function useLit(): TokenKey {
  const [now, set] = useState(lit);
  useEffect(() => {
    const look = () => set(lit);
    addEventListener(CHANGED, look);
    return () => removeEventListener(CHANGED, look);
  }, []);
  return now;
}
