import type { Contribution, Hit } from "../api/ask";

/** Names a token in the page: an entry of the model and an exact word may have the same index. */
export type TokenKey = string;

export function keyOf(term: { index: number; exact_word?: boolean }): TokenKey {
  return `${term.exact_word ? "w" : "m"}${term.index}`;
}

/** A piece of a text which the same tokens fired; none of them, where `tokens` is empty. */
export interface Piece {
  text: string;
  tokens: TokenKey[];
  /** What these tokens contribute to the score. */
  part: number;
  /** Whether exact words contribute more of it than the model. */
  words: boolean;
}

type Field = "evidence" | "title_evidence";

/** A text in pieces, at the borders of its evidence. */
export function pieces(text: string, contributions: readonly Contribution[], field: Field): Piece[] {
  // Offsets count characters of Unicode, as Python does; JavaScript's count UTF-16 units.
  const letters = /[\ud800-\udbff]/.test(text) ? [...text] : text;
  const borders = new Set([0, letters.length]);
  for (const each of contributions) for (const [start, end] of each[field]) borders.add(start!).add(end!);
  const sorted = [...borders].filter((at) => at <= letters.length).sort((a, b) => a - b);
  return sorted.slice(1).map((end, at) => {
    const start = sorted[at]!;
    const piece = letters.slice(start, end);
    const here = contributions.filter((each) => each[field].some(([from, to]) => from! <= start && end <= to!));
    const exact = sum(here.filter((each) => each.exact_word));
    const part = sum(here);
    return {
      text: typeof piece === "string" ? piece : piece.join(""),
      tokens: here.map(keyOf),
      part,
      words: exact > part / 2,
    };
  });
}

/** The pieces around the most evidence, within about `size` characters; what is cut off is an ellipsis. */
export function cropped(all: readonly Piece[], size: number): Piece[] {
  const length = all.reduce((total, piece) => total + piece.text.length, 0);
  if (length <= size * 1.2) return [...all];
  let offset = 0;
  const marked = all.flatMap((piece) => {
    offset += piece.text.length;
    return piece.tokens.length ? [{ start: offset - piece.text.length, end: offset, part: piece.part }] : [];
  });
  let best = { from: 0, part: -1 };
  for (const { start } of marked) {
    const inside = marked.filter((each) => each.start >= start && each.end <= start + size * 0.8);
    const part = inside.reduce((total, each) => total + each.part, 0);
    const last = inside.at(-1)?.end ?? start;
    if (part > best.part) best = { from: Math.max(0, (start + last - size) / 2), part };
  }
  const from = Math.min(best.from, length - size);
  return window(all, from, from + size);
}

function window(all: readonly Piece[], from: number, to: number): Piece[] {
  const shown: Piece[] = [];
  let at = 0;
  for (const piece of all) {
    const end = at + piece.text.length;
    // Evidence is never cut, and other text not within a word.
    if (end > from && at < to) {
      let { text } = piece;
      if (!piece.tokens.length) {
        if (end > to) text = `${text.slice(0, to - at).replace(/\S+$/, "").trimEnd()} …`;
        if (at < from) text = `… ${text.slice(from - at).replace(/^\S+/, "").trimStart()}`;
      }
      shown.push({ ...piece, text });
    }
    at = end;
  }
  return shown;
}

/** Whether a token isn't in the text itself: the model added it for the words that fired it. */
export function isExpansion(hit: Hit, token: Contribution): boolean {
  if (token.exact_word) return false;
  const name = plain(token.token);
  return !fired(hit, token).some((word) => plain(word) === name);
}

/** The words that fired a token, each once. */
export function fired(hit: Hit, token: Contribution): string[] {
  const text = [...hit.text];
  const title = [...hit.title];
  const words = [
    ...token.title_evidence.map(([start, end]) => title.slice(start, end).join("")),
    ...token.evidence.map(([start, end]) => text.slice(start, end).join("")),
  ];
  return [...new Map(words.map((word) => [plain(word), word])).values()];
}

/** A word as models see it: without capitals and marks, and a piece of a word without its sign. */
export function plain(word: string): string {
  return word.replace(/^##/, "").toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
}

export function sum(parts: readonly Contribution[]): number {
  return parts.reduce((total, each) => total + each.contribution, 0);
}
