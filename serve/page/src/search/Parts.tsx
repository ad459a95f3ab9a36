import { useState } from "preact/hooks";
import type { Contribution, Hit } from "../api/ask";
import { number, percent, things } from "../parts/numbers";
import { evidenceOf, keyOf, sum } from "./evidence";
import { useLit } from "./light";

const SHOWN = 6;

/** Of the score: a smaller part is shown when all are. */
const LEAST = 0.01;

/** What a hit's score is made of: a bar, the lit token's share, the tokens of the text, and those that were added. */
export function Parts({ hit, best, isFused }: { hit: Hit; best: number; isFused: boolean }) {
  const [all, showAll] = useState(false);
  const contributions = hit.contributions ?? [];
  const { added: from } = evidenceOf(hit);
  const added = contributions.filter((each) => from.has(each));
  const inText = contributions.filter((each) => !from.has(each));
  const total = sum(contributions);
  // Where ranks are fused, the score has no parts.
  const score = isFused ? 0 : total;
  const least = LEAST * total;
  const few = (some: Contribution[]) => (all ? some : some.filter((each) => each.contribution >= least).slice(0, SHOWN));
  const hidden = contributions.length - few(inText).length - few(added).length;
  return (
    <>
      <Bar contributions={contributions} best={best} />
      <Share contributions={contributions} score={score} />
      <ul class="tokens">
        {few(inText).map((each) => (
          <Token token={each} score={score} />
        ))}
        {few(added).map((each) => (
          <Token token={each} score={score} from={from.get(each)!} />
        ))}
        {(hidden > 0 || all) && (
          <li>
            <button class="plain" onClick={() => showAll(!all)}>
              {all ? "Fewer" : `${hidden} more`}
            </button>
          </li>
        )}
      </ul>
    </>
  );
}

function Token({ token, score, from }: { token: Contribution; score: number; from?: string[] }) {
  const name = from ? "token added" : token.exact_word ? "token word" : "token";
  return (
    <li>
      <button class={name} data-t={keyOf(token)} aria-pressed="false" aria-description={share(token, score)}>
        <bdi>{token.token}</bdi>
        {from && (
          <span class="from">
            {" "}
            ← <bdi>{from.join(", ") || "the whole passage"}</bdi>
          </span>
        )}
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

/** How a token's part is made, and how much of the score it is, if that has parts. */
function share({ query_weight, document_weight, contribution }: Contribution, score: number): string {
  const part = `${number(query_weight)} in the query × ${number(document_weight)} here = ${number(contribution)}`;
  return score ? `${part}, ${percent(contribution / score)} of the score` : part;
}

function Share({ contributions, score }: { contributions: readonly Contribution[]; score: number }) {
  const lit = useLit();
  const token = contributions.find((each) => keyOf(each) === lit);
  if (token)
    return (
      <p class="share">
        <b>
          <bdi>{token.token}</bdi>
        </b>{" "}
        {share(token, score)}
      </p>
    );
  const words = sum(contributions.filter((each) => each.exact_word));
  const meaning = sum(contributions) - words;
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
