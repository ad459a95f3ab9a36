import { go } from "../parts/link";
import type { Collection } from "../collection";
import { HybridSlider } from "./HybridSlider";
import { settings } from "./settings";

interface Props {
  link: URLSearchParams;
  collection: Collection | undefined;
  /** Of the names in the address, where two searches are shown. */
  prefix?: string;
}

/** How to search: with which model, and how much exact words count. */
export function SettingsForm({ link, collection, prefix = "" }: Props) {
  const { model, words, fusion } = settings(link, prefix);
  const put = (name: string, value: string | null) => go({ [prefix + name]: value }, "replace");
  const own = collection?.words?.weight;
  const models = collection?.models ?? [];
  if (own === undefined && models.length < 2) return null;
  return (
    <>
      {models.length > 1 && (
        <label class="field">
          <span>Model</span>
          <select value={model ?? ""} onChange={(event) => put("model", event.currentTarget.value || null)}>
            {models.map((each) => (
              <option value={each.state === "active" ? "" : each.fingerprint}>
                {each.name}, {each.state}
              </option>
            ))}
          </select>
        </label>
      )}
      {own !== undefined && !fusion && (
        <HybridSlider weight={words ?? null} own={own} change={(weight) => put("words", weight === null ? null : String(weight))} />
      )}
      {own !== undefined && (
        <label class="inline">
          <span>Scores joined by</span>
          <select value={fusion ?? ""} onChange={(event) => put("fusion", event.currentTarget.value || null)}>
            <option value="">sum</option>
            <option value="rrf">ranks (RRF)</option>
            <option value="dbsf">distributions (DBSF)</option>
          </select>
        </label>
      )}
    </>
  );
}
