import { useMemo, useState } from "preact/hooks";
import type { Hit } from "../api/ask";
import { JudgeButtons, type Judging } from "../judgements/JudgeButtons";
import { Go } from "../parts/link";
import { score } from "../parts/numbers";
import { cropped, evidenceOf } from "./evidence";
import { Marked } from "./Marked";
import { Parts } from "./Parts";

const CROP = 320;

interface Props {
  hit: Hit;
  rank: number;
  /** The sum of the best hit's parts, whose bar is as wide as the page. */
  best: number;
  /** The largest part that one piece of a text has, in all hits. */
  deepest: number;
  /** Whether its score is made of ranks, so that it has no parts. */
  isFused: boolean;
  judging: Judging;
  why(): void;
}

/** A passage that was found: its text with the evidence, and what its score is made of. */
export function HitCard({ hit, rank, best, deepest, isFused, judging, why }: Props) {
  const [whole, showWhole] = useState(false);
  const { text, title } = evidenceOf(hit);
  const crop = useMemo(() => cropped(text, CROP), [text]);
  const isCut = crop.length !== text.length || crop.some((piece, at) => piece.text !== text[at]!.text);
  return (
    <li class="hit" id={`hit-${rank}`}>
      <header>
        <span class="rank">{rank}</span>
        <h3 dir="auto">
          <Go to={{ view: "document", id: hit.id }}>{hit.title ? <Marked pieces={title} deepest={deepest} /> : hit.id}</Go>
        </h3>
        <span class="score" title="Score">
          {score(hit.score)}
        </span>
      </header>
      {hit.text && (
        <p class="text" dir="auto">
          <Marked pieces={whole ? text : crop} deepest={deepest} />
          {isCut && (
            <button class="plain" aria-expanded={whole} onClick={() => showWhole(!whole)}>
              {whole ? "Less" : "Whole passage"}
            </button>
          )}
        </p>
      )}
      <Parts hit={hit} best={best} isFused={isFused} />
      <footer>
        <span class="about">
          {hit.title && <bdi>{hit.id}</bdi>}
          {hit.ordinal > 0 && <span>passage {hit.ordinal + 1}</span>}
          {Object.entries(hit.metadata).map(([name, value]) => (
            <span>
              <bdi>{name}</bdi>: <bdi>{shown(value)}</bdi>
            </span>
          ))}
        </span>
        <button class="plain" onClick={why}>
          Why here?
        </button>
        <JudgeButtons id={hit.id} judging={judging} />
      </footer>
    </li>
  );
}

function shown(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
