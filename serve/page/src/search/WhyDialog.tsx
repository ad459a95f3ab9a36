import type { Hit } from "../api/ask";
import { Dialog } from "../parts/Dialog";
import { number, signed } from "../parts/numbers";
import { cropped, evidenceOf, keyOf, sum } from "./evidence";
import { Marked } from "./Marked";

const CROP = 180;

interface Props {
  hits: readonly Hit[];
  /** Ranks of the two hits, from 1. */
  above: number;
  below: number;
  choose(above: number, below: number): void;
  close(): void;
}

/** Why one hit is above another: the difference of each token's part. */
export function WhyDialog({ hits, above, below, choose, close }: Props) {
  const [a, b] = [hits[above - 1], hits[below - 1]];
  if (!a || !b) return null;
  const rows = differences(a, b);
  const most = Math.max(...rows.map((row) => Math.abs(row.difference)), 0.01);
  const difference = sum(a.contributions ?? []) - sum(b.contributions ?? []);
  return (
    <Dialog title={above > below ? "Why is this below that?" : "Why is this above that?"} close={close}>
      <div class="pair">
        <Choice label="This" hits={hits} rank={above} choose={(rank) => choose(rank, below)} />
        <Choice label="That" hits={hits} rank={below} choose={(rank) => choose(above, rank)} />
      </div>
      <table class="difference">
        <thead>
          <tr>
            <th scope="col">Token</th>
            <th scope="col">This</th>
            <th scope="col">That</th>
            <th scope="col">Difference</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr data-t={row.key}>
              <th scope="row">
                <span class={row.word ? "key word" : "key"} /> <bdi>{row.token}</bdi>
              </th>
              <td>{row.a ? number(row.a) : "–"}</td>
              <td>{row.b ? number(row.b) : "–"}</td>
              <td>
                <span class="diverging" aria-hidden="true">
                  <span
                    class={`${row.word ? "word" : ""} ${row.difference < 0 ? "minus" : "plus"}`}
                    style={{ width: `${(50 * Math.abs(row.difference)) / most}%` }}
                  />
                </span>
                {signed(row.difference)}
              </td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Sum</th>
            <td>{number(sum(a.contributions ?? []))}</td>
            <td>{number(sum(b.contributions ?? []))}</td>
            <td>{signed(difference)}</td>
          </tr>
        </tfoot>
      </table>
    </Dialog>
  );
}

interface ChoiceProps {
  label: string;
  hits: readonly Hit[];
  rank: number;
  choose(rank: number): void;
}

function Choice({ label, hits, rank, choose }: ChoiceProps) {
  const hit = hits[rank - 1]!;
  const text = cropped(evidenceOf(hit).text, CROP);
  return (
    <div>
      <label class="field">
        <span>{label}</span>
        <select value={rank} onChange={(event) => choose(Number(event.currentTarget.value))}>
          {hits.map((each, at) => (
            <option value={at + 1}>
              {at + 1}. {each.title || each.id}
            </option>
          ))}
        </select>
      </label>
      <p class="text" dir="auto">
        <Marked pieces={text} deepest={Math.max(0, ...text.map((piece) => piece.part))} />
      </p>
    </div>
  );
}

interface Row {
  key: string;
  token: string;
  word: boolean;
  a: number;
  b: number;
  difference: number;
}

/** The parts of two hits by token, the largest difference first. */
function differences(a: Hit, b: Hit): Row[] {
  const rows = new Map<string, Row>();
  for (const [hit, side] of [[a, "a"], [b, "b"]] as const)
    for (const each of hit.contributions ?? []) {
      const key = keyOf(each);
      const row = rows.get(key) ?? { key, token: each.token, word: each.exact_word, a: 0, b: 0, difference: 0 };
      rows.set(key, { ...row, [side]: each.contribution });
    }
  return [...rows.values()]
    .map((row) => ({ ...row, difference: row.a - row.b }))
    .sort((x, y) => Math.abs(y.difference) - Math.abs(x.difference));
}
