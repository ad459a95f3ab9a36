import type { Hit } from "../api/ask";
import { Go } from "../parts/link";
import { score } from "../parts/numbers";
import { cropped, evidenceOf } from "../search/evidence";
import { Marked } from "../search/Marked";

const CROP = 90;

interface Props {
  hit: Hit;
  rank: number;
  /** Its rank in the other list; 0 if it isn't there. */
  other: number;
  isSecond: boolean;
}

/** A hit in two lines, and how far it moved. */
export function CompactHit({ hit, rank, other, isSecond }: Props) {
  const text = cropped(evidenceOf(hit).text, CROP);
  const deepest = Math.max(0, ...text.map((piece) => piece.part));
  return (
    <li>
      <p class="title">
        <span class="rank">{rank}</span>
        <Go to={{ view: "document", id: hit.id }}>
          <bdi>{hit.title || hit.id}</bdi>
        </Go>
        <Moved by={other - rank} isNew={!other} isSecond={isSecond} />
        <span class="score">{score(hit.score)}</span>
      </p>
      <p class="text" dir="auto">
        <Marked pieces={text} deepest={deepest} />
      </p>
    </li>
  );
}

/** From the first list to the second; the first says only what is lost. */
function Moved({ by, isNew, isSecond }: { by: number; isNew: boolean; isSecond: boolean }) {
  if (isNew) return <span class="moved">{isSecond ? "new" : "gone"}</span>;
  if (!isSecond || !by) return null;
  return (
    <span class={by > 0 ? "moved up" : "moved down"}>
      <span aria-hidden="true">{by > 0 ? "▲" : "▼"}</span>
      <span class="unseen">{by > 0 ? "up" : "down"}</span> {Math.abs(by)}
    </span>
  );
}
