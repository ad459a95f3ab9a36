import type { Piece } from "./evidence";

interface Props {
  pieces: readonly Piece[];
  /** The part of the score that gets the deepest color. */
  deepest: number;
}

/** A text with its evidence marked: the deeper the color, the more of the score. */
export function Marked({ pieces, deepest }: Props) {
  return (
    <>
      {pieces.map(({ text, tokens, part, words }) =>
        tokens.length ? (
          <mark class={words ? "word" : ""} data-t={tokens.join(" ")} style={{ "--depth": depth(part, deepest) }}>
            {text}
          </mark>
        ) : (
          text
        ),
      )}
    </>
  );
}

/** From 0.25, which is still seen, to 1. */
function depth(part: number, deepest: number): string {
  return (0.25 + 0.75 * Math.min(1, Math.max(0, part) / (deepest || 1))).toFixed(2);
}
