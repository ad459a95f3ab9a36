const REST = 500;

let timer = 0;

/** Tell those who hear the page, once it rests: not with each letter of a query. */
export function tell(text: string): void {
  clearTimeout(timer);
  timer = setTimeout(() => document.getElementById("told")!.replaceChildren(text), REST);
}
