import { useRef } from "preact/hooks";
import { ask, type Schemas } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import type { Options } from "./settings";
import { type Term, type Weights, weighted } from "./Terms";

export interface Found {
  hits: Schemas["Hit"][];
  /** The query's own terms, with the weights that the model gives. */
  terms: readonly Term[];
  /** What was asked, for the same search elsewhere. */
  body: Schemas["SearchBody"];
  milliseconds: number;
  tokensLeftOut: number;
}

const NONE: Partial<Weights> = {};

/** Search; with weights, the query's terms are sent instead of being encoded again. */
export function useSearch(query: string, options: Options, weights: Partial<Weights> = NONE) {
  const own = useRef<{ of: string; terms: readonly Term[] }>({ of: "", terms: [] }).current;
  const changed = Object.keys(weights).length > 0;
  const of = JSON.stringify([query, options.collection, options.model]);

  const find = async (signal: AbortSignal): Promise<Found> => {
    const search = (body: Schemas["SearchBody"]) => ask("POST", "/v1/search", { body, signal });
    const plain = { ...options, query, explain: true };
    if (changed && own.of !== of) Object.assign(own, { of, terms: (await search({ ...plain, limit: 1 })).terms });
    const body = changed ? { ...plain, query: { text: query, terms: weighted(own.terms, weights) } } : plain;
    const began = performance.now();
    const found = await search(body);
    if (!changed) Object.assign(own, { of, terms: found.terms ?? [] });
    return {
      hits: found.hits,
      terms: own.terms,
      body,
      milliseconds: performance.now() - began,
      tokensLeftOut: found.query_tokens_left_out,
    };
  };
  return useAnswer(query.trim() ? find : null, [query, JSON.stringify(options), JSON.stringify(weights)]);
}
