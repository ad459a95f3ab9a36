import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  heads: readonly string[];
  children: ComponentChildren;
}

/** A table that scrolls by itself where it is too wide. */
export function Table({ label, heads, children }: Props) {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={label}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
