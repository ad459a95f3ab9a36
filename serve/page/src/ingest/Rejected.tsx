import type { Schemas } from "../api/ask";
import { count } from "../parts/numbers";

/** Records that can't be used. */
export function Rejected({ rejected }: { rejected: readonly Schemas["Rejected"][] }) {
  if (!rejected.length) return null;
  return (
    <ul class="rejected">
      {rejected.map(({ line, reason }) => (
        <li>
          {line > 0 && <b>line {count(line)}: </b>}
          {reason}
        </li>
      ))}
    </ul>
  );
}
