import type { Schemas } from "../api/ask";
import { number } from "../parts/numbers";
import { keyOf, plain } from "./evidence";
import type { Weights } from "./settings";

export type Term = Schemas["Term"];

interface Props {
  query: string;
  terms: readonly Term[];
  weights: Weights;
  change(weights: Weights): void;
}

/** The query as it is searched: its terms, which can be switched off or weighted anew. */
export function Terms({ query, terms, weights, change }: Props) {
  const most = Math.max(...terms.map((term) => term.weight), 0.01);
  const put = (term: Term, weight: number) => {
    const { [weightKey(term)]: _, ...others } = weights;
    change(weight === term.weight ? others : { ...others, [weightKey(term)]: weight });
  };
  return (
    <section class="panel" aria-labelledby="terms">
      <h2 id="terms">
        Query terms
        {Object.keys(weights).length > 0 && (
          <button class="plain" onClick={() => change({})}>
            Reset
          </button>
        )}
      </h2>
      <ul class="terms">
        {terms.map((term) => {
          const weight = weights[weightKey(term)] ?? term.weight;
          const label = `${term.token}${term.exact_word ? ", exact word" : ""}`;
          return (
            <li data-t={keyOf(term)} class={weight ? "" : "off"}>
              <label class="term">
                <input
                  type="checkbox"
                  checked={weight > 0}
                  onChange={(event) => put(term, event.currentTarget.checked ? term.weight : 0)}
                />
                <span class={term.exact_word ? "name word" : isIn(query, term) ? "name" : "name added"}><bdi>{term.token}</bdi></span>
              </label>
              <input
                type="range"
                aria-label={`Weight of ${label}`}
                min="0"
                max={(1.5 * (term.exact_word ? Math.max(1, term.weight) : most)).toFixed(2)}
                step="0.01"
                value={weight}
                onInput={(event) => put(term, event.currentTarget.valueAsNumber)}
              />
              <output>{number(weight)}</output>
            </li>
          );
        })}
      </ul>
      {terms.some((term) => !term.exact_word && !isIn(query, term)) && (
        <p class="hint">
          <i>Italic</i>: added by the model
        </p>
      )}
    </section>
  );
}

/** The terms with the weights that replace theirs. */
export function weighted(terms: readonly Term[], weights: Weights): Term[] {
  return terms.map((term) => ({ ...term, weight: weights[weightKey(term)] ?? term.weight }));
}

/** Names a term in the address by its text: the index means something else to another model. */
function weightKey(term: Term): string {
  return term.exact_word ? `"${term.token}"` : term.token;
}

/** Whether a term is a word of the query, or a piece of one. */
function isIn(query: string, term: Term): boolean {
  const piece = plain(term.token);
  const words = plain(query).split(/[^\p{L}\p{N}]+/u);
  return words.some((word) => (term.token.startsWith("##") ? word.includes(piece) : word.startsWith(piece)));
}
