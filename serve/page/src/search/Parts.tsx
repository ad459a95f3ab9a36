import { useState } from "preact/hooks";
import type { Contribution, Hit } from "../api/ask";
import { number, percent, things } from "../parts/numbers";
import { fired, isExpansion, keyOf, sum } from "./evidence";
import { useLit } from "./light";

const SHOWN = 6;

/** Of the score: a smaller part is shown when all are. */
const LEAST = 0.01;

/** What a hit's score is made of: a bar, the lit token's share, the tokens of the text, and those that were added. */
export function Parts({ hit, best }: { hit: Hit; best: number }) {
  const [all, showAll] = useState(false);
  const contributions = hit.contributions ?? [];
  const added = contributions.filter((each) => isExpansion(hit, each));
  const inText = contributions.filter((each) => !added.includes(each));
  const least = LEAST * sum(contributions);
  const few = (some: Contribution[]) => (all ? some : some.filter((each) => each.contribution >= least).slice(0, SHOWN));
  const hidden = contributions.length - few(inText).length - few(added).length;
  return (
    <>
      <Bar contributions={contributions} best={best} />
      <Share hit={hit} />
      <ul class="tokens">
        {few(inText).map((each) => (
          <Token token={each} />
        ))}
        {few(added).map((each) => (
          <Token token={each} from={fired(hit, each)} />
        ))}
        {(hidden > 0 || all) && (
          <li>
            <button type="button" class="plain" onClick={() => showAll(!all)}>
              {all ? "Fewer" : `${hidden} more`}
            </button>
          </li>
        )}
      </ul>
    </>
  );
}

function Token({ token, from }: { token: Contribution; from?: string[] }) {
  const name = from ? "token added" : token.exact_word ? "token word" : "token";
  return (
    <li>
      <button type="button" class={name} data-t={keyOf(token)}>
        {token.token}
        {from && <span class="from"> ← {from.join(", ") || "the whole passage"}</span>}
        <span class="value"> {number(token.contribution)}</span>
      </button>
    </li>
  );
}

function Bar({ contributions, best }: { contributions: readonly Contribution[]; best: number }) {
  const positive = contributions.filter((each) => each.contribution > 0);
  const shown = positive.slice(0, 12);
  const rest = sum(positive.slice(12));
  const width = (part: number) => ({ width: `${(100 * part) / (best || 1)}%` });
  return (
    <div class="bar" aria-hidden="true">
      {shown.map((each) => (
        <span class={each.exact_word ? "word" : ""} data-t={keyOf(each)} style={width(each.contribution)} />
      ))}
      {rest > 0 && <span class="rest" style={width(rest)} />}
    </div>
  );
}

function Share({ hit }: { hit: Hit }) {
  const lit = useLit();
  const contributions = hit.contributions ?? [];
  const token = contributions.find((each) => keyOf(each) === lit);
  // Not the score: where ranks are fused, it has no parts.
  const total = sum(contributions);
  if (token)
    return (
      <p class="share">
        <b>{token.token}</b> {number(token.query_weight)} in the query × {number(token.document_weight)} here ={" "}
        {number(token.contribution)}, {percent(token.contribution / (total || 1))} of the score
      </p>
    );
  const words = sum(contributions.filter((each) => each.exact_word));
  const meaning = total - words;
  return (
    <p class="share">
      {words > 0 ? (
        <>
          <span class="key" /> meaning {number(meaning)} + <span class="key word" /> words {number(words)}
        </>
      ) : (
        <>
          {things(contributions.length, "token")} in common
        </>
      )}
    </p>
  );
}
