/** A weight or a score: 12.3, 1.23, 0.12. */
export function number(value: number): string {
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** A score: that of ranks which are fused is small. */
export function score(value: number): string {
  return Math.abs(value) >= 1 ? number(value) : value.toFixed(3);
}

/** A difference, with its sign. */
export function signed(value: number): string {
  return `${value > 0 ? "+" : value < 0 ? "−" : "±"}${number(Math.abs(value))}`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.095 ? 1 : 0)} %`;
}

/** A number of things: "1 query", "1,234 queries". */
export function things(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A count: 1,234. */
export function count(value: number): string {
  // Not toLocaleString: the browser would first read its data of all languages, which takes longer than a search.
  return `${value}`.replace(/\B(?=(\d{3})+$)/g, ",");
}
