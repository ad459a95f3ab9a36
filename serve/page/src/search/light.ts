import { useEffect, useState } from "preact/hooks";
import type { TokenKey } from "./evidence";

const CHANGED = "tokenlit";
let lit: TokenKey = "";

/** Light a token wherever it is shown: all elements whose `data-t` names it. */
function light(key: TokenKey): void {
  if (key === lit) return;
  lit = key;
  // Beside Preact: to draw a hundred hits again for each move of the pointer would be slow.
  for (const each of document.querySelectorAll(".lit")) each.classList.remove("lit");
  if (key) for (const each of document.querySelectorAll(`[data-t~="${key}"]`)) each.classList.add("lit");
  dispatchEvent(new Event(CHANGED));
}

/** Light the token under the pointer, or with the focus, from now on. */
export function lightTokens(): void {
  const look = ({ target }: Event) => {
    const named = target instanceof Element ? target.closest<HTMLElement>("[data-t]") : null;
    light(named?.dataset.t?.split(" ", 1)[0] ?? "");
  };
  addEventListener("pointerover", look);
  addEventListener("focusin", look);
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
