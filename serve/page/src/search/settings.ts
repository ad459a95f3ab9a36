import type { Schemas } from "../api/ask";
import type { Changes } from "../parts/link";

export type Options = Omit<Schemas["SearchBody"], "query">;
type Fusion = NonNullable<Options["fusion"]>;
type Condition = Record<string, unknown>;

/** A value to filter on, and the condition that finds it. */
export interface Chosen {
  field: string;
  value: string | number | boolean;
  condition: Condition;
}

/** Weights that replace a query's own, by what {@link weightKey} says of a term. */
export type Weights = Record<string, number>;

/** How to search, as the address says it; a second search has names with a prefix. */
export function settings(link: URLSearchParams, prefix = ""): Options {
  const said = (name: string) => link.get(prefix + name);
  const [collection, model, words, fusion] = [link.get("in"), said("model"), Number(said("words") ?? NaN), said("fusion")];
  return {
    ...(collection && { collection }),
    ...(model && { model }),
    ...((fusion === "rrf" || fusion === "dbsf") && { fusion: fusion as Fusion }),
    ...(words >= 0 && words < 1000 && !fusion && { words }),
  };
}

/** The chosen filters of the address; what is none is left out. */
export function chosenOf(link: URLSearchParams): Chosen[] {
  const found = held(link, "filter");
  return Array.isArray(found) ? found.filter((each) => typeof each?.field === "string" && isObject(each.condition)) : [];
}

/** The changed weights of the address; what is none is left out. */
export function weightsOf(link: URLSearchParams): Weights {
  const found = held(link, "weights");
  const entries = isObject(found) ? Object.entries(found) : [];
  const weights = entries.filter(([, weight]) => typeof weight === "number" && weight >= 0);
  // It inherits nothing: a token may be "constructor".
  return Object.assign(Object.create(null), Object.fromEntries(weights));
}

function held(link: URLSearchParams, name: string): unknown {
  try {
    return JSON.parse(link.get(name) ?? "null");
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Condition {
  return typeof value === "object" && value !== null;
}

/** What makes the address hold something, unless it is empty. */
export function holding(name: string, value: object): Changes {
  return { [name]: Object.keys(value).length ? JSON.stringify(value) : null };
}

/** A Qdrant filter for the chosen values: any of those of a field, in every field. */
export function filterOf(chosen: readonly Chosen[]): Schemas["SearchBody"]["filter"] {
  const fields = Map.groupBy(chosen, (each) => each.field);
  const must = [...fields.values()].map((each) => {
    const should = each.map(({ condition }) => condition);
    return should.length === 1 ? should[0]! : { should };
  });
  return must.length ? { must } : null;
}
