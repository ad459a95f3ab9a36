import { ask, type Schemas } from "./api/ask";
import { useAnswer } from "./api/use-answer";

export interface Collection {
  name: string;
  documents: number;
  passages: number;
  /** How exact words are weighted; null if the collection has none. */
  words: { weight: number } | null;
  models: Schemas["ModelState"][];
}

/**
 * What a collection has, asked anew in each round.
 *
 * @param exists false if it isn't there, so that there is nothing to ask.
 */
export function useCollection(name: string, exists: boolean, round: string) {
  return useAnswer(
    exists && (async (signal): Promise<Collection> => {
      const asked = { path: { name }, signal };
      const [found, { models }] = await Promise.all([
        ask("GET", "/v1/collections/{name}", asked),
        ask("GET", "/v1/collections/{name}/models", asked),
      ]);
      const { documents, passages } = found;
      return { name, documents, passages, words: found.words as Collection["words"], models };
    }),
    [name, exists, round],
  );
}
