import { useRef, useState } from "preact/hooks";
import { ask, type Problem, type Schemas } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import type { Options, Weights } from "./settings";
import { type Term, weighted } from "./Terms";

export interface Found {
  /** Whose hits these are: while the next answer is awaited, another one is typed already. */
  query: string;
  hits: Schemas["Hit"][];
  /** The query's own terms, with the weights that the model gives. */
  terms: readonly Term[];
  /** What was asked, for the same search elsewhere. */
  body: Schemas["SearchBody"];
  milliseconds: number;
  tokensLeftOut: number;
}

const NONE: Weights = {};

/** Search, and try `again`; with weights, the query's terms are sent instead of being encoded again. */
export function useSearch(query: string, options: Options, weights: Weights = NONE) {
  const [tries, again] = useState(0);
  const own = useRef({ of: "", model: "", terms: [] as readonly Term[] }).current;
  const changed = Object.keys(weights).length > 0;
  const of = JSON.stringify([query, options.collection, options.model]);

  const find = async (signal: AbortSignal): Promise<Found> => {
    const search = (body: Schemas["SearchBody"]) => ask("POST", "/v1/search", { body, signal });
    const plain = { ...options, query, explain: true };
    const asked = () => (changed ? { ...plain, query: { text: query, terms: weighted(own.terms, weights) } } : plain);
    const learn = ({ terms = [], model }: Schemas["SearchAnswer"]) => Object.assign(own, { of, terms, model });
    const withNewTerms = async () => {
      learn(await search({ ...plain, limit: 1 }));
      return search(asked());
    };
    const began = performance.now();
    let found = await (changed && own.of !== of ? withNewTerms() : search(asked())).catch((problem: Problem) => {
      if (changed && problem.name === "model-mismatch") return withNewTerms();
      throw problem;
    });
    if (!changed) learn(found);
    // The service searches another model now, to which the terms have other weights.
    else if (found.model !== own.model) found = await withNewTerms();
    return {
      query,
      hits: found.hits,
      terms: own.terms,
      body: asked(),
      milliseconds: performance.now() - began,
      tokensLeftOut: found.query_tokens_left_out,
    };
  };
  const found = useAnswer(query.trim() ? find : null, [query, JSON.stringify(options), JSON.stringify(weights), tries]);
  return { ...found, again: () => again(tries + 1) };
}
