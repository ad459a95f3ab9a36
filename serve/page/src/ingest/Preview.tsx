import type { Schemas } from "../api/ask";
import { Rejected } from "./Rejected";
import type { Mapping } from "./Sending";
import { Table } from "../parts/Table";

const USES = [
  ["id_field", "Id"],
  ["title_field", "Title"],
  ["text_field", "Text"],
] as const;

const CUT = 160;

interface Props {
  preview: Schemas["Preview"];
  mapping: Mapping;
  change(mapping: Mapping): void;
}

/** The first documents of a file, and which of its fields is what. */
export function Preview({ preview: { fields, documents, rejected, format }, mapping, change }: Props) {
  // Until both are chosen, that they are missing is no fault of the file.
  const isOpen = fields.length > 0 && !USES.every(([name, label]) => label === "Title" || (mapping[name] ?? usual(label, fields)));
  return (
    <div class="preview">
      {fields.length > 0 && (
        <div class="mapping">
          {USES.map(([name, label]) => (
            <label class="field">
              <span>{label}</span>
              <select
                value={mapping[name] ?? ""}
                onChange={(event) => {
                  const { [name]: _, ...others } = mapping;
                  const { value } = event.currentTarget;
                  change(value ? { ...others, [name]: value } : others);
                }}
              >
                <option value="">{usual(label, fields) ?? (label === "Title" ? "none" : "choose …")}</option>
                {fields
                  .filter((field) => field !== usual(label, fields))
                  .map((field) => (
                    <option value={field}>{field}</option>
                  ))}
              </select>
            </label>
          ))}
        </div>
      )}
      {documents.length > 0 && <p class="hint">The first documents, read as {format}</p>}
      {documents.length > 0 && (
        <Table label="The first documents" heads={["Id", "Title", "Text", "Metadata"]}>
          {documents.map((each) => (
            <tr>
              <th scope="row" dir="auto">{each.id}</th>
              <td dir="auto">{each.title}</td>
              <td dir="auto">{each.text.length > CUT ? `${each.text.slice(0, CUT)} …` : each.text}</td>
              <td>{Object.keys(each.metadata).length > 0 && JSON.stringify(each.metadata)}</td>
            </tr>
          ))}
        </Table>
      )}
      {isOpen ? <p class="hint">Choose which columns are the id and the text.</p> : <Rejected rejected={rejected} />}
    </div>
  );
}

/** The field that is taken where none is named. */
function usual(label: string, fields: readonly string[]): string | undefined {
  const names = label === "Id" ? ["id", "_id"] : [label.toLowerCase()];
  return names.find((each) => fields.includes(each));
}
