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
function pieces(text: string, contributions: readonly Contribution[], field: Field): Piece[] {
  const letters = lettersOf(text);
  const borders = new Set([0, letters.length]);
  for (const each of contributions) for (const [start, end] of each[field]) borders.add(start!).add(end!);
  const sorted = [...borders].filter((at) => at <= letters.length).sort((a, b) => a - b);
  return sorted.slice(1).map((end, at) => {
    const start = sorted[at]!;
    const here = contributions.filter((each) => each[field].some(([from, to]) => from! <= start && end <= to!));
    const exact = sum(here.filter((each) => each.exact_word));
    const part = sum(here);
    return {
      text: cut(letters, start, end),
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
  let best = { from: 0, part: -Infinity };
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
    // Evidence is never cut, and other text not within a word; not every script has spaces between words. With "u", half
    // of a letter that was cut is one more character to take away.
    if (end > from && at < to) {
      let { text } = piece;
      if (!piece.tokens.length) {
        if (end > to) text = `${text.slice(0, to - at).replace(/\S{0,20}$/u, "").trimEnd()} …`;
        if (at < from) text = `… ${text.slice(from - at).replace(/^\S{0,20}/u, "").trimStart()}`;
      }
      shown.push({ ...piece, text });
    }
    at = end;
  }
  return shown;
}

/** What a hit's contributions say of its text. */
interface Evidence {
  text: Piece[];
  title: Piece[];
  /** The tokens that aren't in the text itself: the model added them for these words, each once. */
  added: Map<Contribution, string[]>;
}

const known = new WeakMap<Hit, Evidence>();

/** The evidence of a hit, which is made out once: it is asked for whenever the hit is drawn. */
export function evidenceOf(hit: Hit): Evidence {
  let found = known.get(hit);
  if (!found) {
    const contributions = hit.contributions ?? [];
    found = {
      text: pieces(hit.text, contributions, "evidence"),
      title: pieces(hit.title, contributions, "title_evidence"),
      added: expansions(hit.text, hit.title, contributions),
    };
    known.set(hit, found);
  }
  return found;
}

function expansions(text: string, title: string, contributions: readonly Contribution[]): Map<Contribution, string[]> {
  const sides = [[lettersOf(title), "title_evidence"], [lettersOf(text), "evidence"]] as const;
  const added = new Map<Contribution, string[]>();
  for (const token of contributions) {
    const words = sides.flatMap(([letters, field]) => token[field].map(([start, end]) => cut(letters, start!, end!)));
    const fired = new Map(words.map((word) => [plain(word), word]));
    if (!token.exact_word && !fired.has(plain(token.token))) added.set(token, [...fired.values()]);
  }
  return added;
}

// Offsets count characters of Unicode, as Python does; JavaScript's count UTF-16 units.
function lettersOf(text: string): string | string[] {
  return /[\ud800-\udbff]/.test(text) ? [...text] : text;
}

function cut(letters: string | string[], start: number, end: number): string {
  const piece = letters.slice(start, end);
  return typeof piece === "string" ? piece : piece.join("");
}

/** A word as models see it: without capitals and marks, and a piece of a word without its sign. */
export function plain(word: string): string {
  return word.replace(/^##/, "").toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");
}

export function sum(parts: readonly Contribution[]): number {
  return parts.reduce((total, each) => total + each.contribution, 0);
}
