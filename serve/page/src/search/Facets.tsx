import type { Schemas } from "../api/ask";
import { count } from "../parts/numbers";
import type { Chosen } from "./settings";

type Value = Chosen[string][number];

interface Props {
  facets: Schemas["FacetsAnswer"] | undefined;
  chosen: Partial<Chosen>;
  change(chosen: Partial<Chosen>): void;
}

/** Filters, from the values that the metadata has. */
export function Facets({ facets, chosen, change }: Props) {
  const fields = Object.entries(facets?.fields ?? {});
  if (!fields.length) return null;
  const toggle = (field: string, value: Value, on: boolean) => {
    const { [field]: before = [], ...others } = chosen;
    const after = on ? [...before, value] : before.filter((each) => each !== value);
    change(after.length ? { ...others, [field]: after } : others);
  };
  return (
    <section class="panel" aria-labelledby="filters">
      <h2 id="filters">
        Filters
        {Object.keys(chosen).length > 0 && (
          <button type="button" class="plain" onClick={() => change({})}>
            Clear
          </button>
        )}
      </h2>
      {fields.map(([field, values]) => (
        <fieldset>
          <legend>{field}</legend>
          {withChosen(values, chosen[field] ?? []).map(({ value, documents }) => (
            <label class="facet">
              <input
                type="checkbox"
                checked={chosen[field]?.includes(value) ?? false}
                onChange={(event) => toggle(field, value, event.currentTarget.checked)}
              />
              <bdi class="name">{String(value)}</bdi>
              {documents !== undefined && <span class="count">{count(documents)}</span>}
            </label>
          ))}
        </fieldset>
      ))}
      {!facets!.complete && <p class="hint">Counted in a sample of {count(facets!.documents)} documents.</p>}
    </section>
  );
}

/** The most frequent values, and those that are chosen though they aren't among these. */
function withChosen(values: readonly Schemas["Facet"][], chosen: readonly Value[]): { value: Value; documents?: number }[] {
  const others = chosen.filter((each) => !values.some(({ value }) => value === each));
  return [...others.map((value) => ({ value })), ...values];
}
