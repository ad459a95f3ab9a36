import type { Schemas } from "../api/ask";
import { count } from "../parts/numbers";
import type { Chosen } from "./settings";

interface Props {
  facets: Schemas["FacetsAnswer"] | undefined;
  /** Values that were asked for of each field. */
  limit: number;
  more(): void;
  chosen: readonly Chosen[];
  change(chosen: Chosen[]): void;
}

/** Filters, from the values that the metadata has. */
export function Facets({ facets, limit, more, chosen, change }: Props) {
  const fields = Object.entries(facets?.fields ?? {});
  if (!fields.length) return null;
  return (
    <section class="panel" aria-labelledby="filters">
      <h2 id="filters">
        Filters
        {chosen.length > 0 && (
          <button class="plain" onClick={() => change([])}>
            Clear
          </button>
        )}
      </h2>
      {fields.map(([field, values]) => (
        <fieldset>
          <legend>
            <bdi>{field}</bdi>
          </legend>
          {withChosen(values, chosen, field).map(({ value, documents, condition }) => {
            const isThis = (each: Chosen) => each.field === field && each.value === value;
            return (
              <label class="facet">
                <input
                  type="checkbox"
                  disabled={!condition}
                  checked={chosen.some(isThis)}
                  onChange={(event) =>
                    change(
                      event.currentTarget.checked
                        ? [...chosen, { field, value, condition: condition! }]
                        : chosen.filter((each) => !isThis(each)),
                    )
                  }
                />
                <bdi class="name">{String(value)}</bdi>
                {documents !== undefined && <span class="count">{count(documents)}</span>}
              </label>
            );
          })}
        </fieldset>
      ))}
      {fields.some(([, values]) => values.length === limit) && (
        <button class="plain" onClick={more}>
          More values
        </button>
      )}
      {!facets!.complete && <p class="hint">Counted in a sample of {count(facets!.documents)} documents.</p>}
    </section>
  );
}

type Row = Omit<Schemas["Facet"], "documents"> & { documents?: number };

/** The most frequent values, and before them those that are chosen though they aren't among these. */
function withChosen(values: readonly Schemas["Facet"][], chosen: readonly Chosen[], field: string): Row[] {
  const others = chosen.filter((each) => each.field === field && !values.some(({ value }) => value === each.value));
  return [...others, ...values];
}
