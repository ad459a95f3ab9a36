import type { Schemas } from "../api/ask";
import type { Changes } from "../parts/link";

export type Options = Omit<Schemas["SearchBody"], "query">;
type Fusion = NonNullable<Options["fusion"]>;

/** Values to filter on, by metadata field. */
export type Chosen = Record<string, (string | number | boolean)[]>;

/** How to search, as the address says it; a second search has names with a prefix. */
export function settings(link: URLSearchParams, prefix = ""): Options {
  const said = (name: string) => link.get(prefix + name);
  const [collection, model, words, fusion] = [link.get("in"), said("model"), said("words"), said("fusion")];
  return {
    ...(collection && { collection }),
    ...(model && { model }),
    ...(fusion && { fusion: fusion as Fusion }),
    ...(words !== null && !fusion && { words: Number(words) }),
  };
}

/** An object that the address holds as JSON, as far as its values are such; empty if it is none. */
export function held<T extends object>(link: URLSearchParams, name: string, isValue: (value: unknown) => boolean): Partial<T> {
  try {
    const found: unknown = JSON.parse(link.get(name) ?? "{}");
    return named(Object.entries(found ?? {}).filter(([, value]) => isValue(value)));
  } catch {
    return named([]);
  }
}

/** An object that inherits nothing: a metadata field or a document may be named "constructor". */
export function named<T extends object>(entries: Iterable<readonly [string, unknown]>): T {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

/** What makes the address hold an object. */
export function holding(name: string, value: object): Changes {
  return { [name]: Object.keys(value).length ? JSON.stringify(value) : null };
}

/** A step of a path as Qdrant reads it. */
function quoted(name: string): string {
  return /^[\p{L}\p{N}_-]+$/u.test(name) ? name : `"${name}"`;
}

/** A Qdrant filter for the chosen values: any of those of a field, in every field. */
export function filterOf(chosen: Chosen): Schemas["SearchBody"]["filter"] {
  const must = Object.entries(chosen).map(([field, values]) => {
    const key = ["metadata", ...field.split(".").map(quoted)].join(".");
    const should = values.map((value) =>
      // Qdrant matches integers and strings by value, and other numbers by a range.
      typeof value === "number" && !Number.isInteger(value)
        ? { key, range: { gte: value, lte: value } }
        : { key, match: { value } },
    );
    return should.length === 1 ? should[0]! : { should };
  });
  return must.length ? { must } : null;
}
