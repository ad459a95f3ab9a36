import { useState } from "preact/hooks";
import type { Problem, Schemas } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import { Notice } from "../parts/Notice";
import { Preview } from "./Preview";

/** Which field is what; empty where the usual names are taken. */
export type Mapping = Partial<Record<"id_field" | "text_field" | "title_field", string>>;

/** In bytes: of a text, its beginning is enough for a preview. The columns of Parquet are described at its end. */
const BEGINNING = 2 ** 18;

interface Props {
  file: File;
  sending: boolean;
  preview(part: File, mapping: Mapping, partial: boolean, signal: AbortSignal): Promise<Schemas["Preview"]>;
  send(mapping: Mapping): Promise<void>;
  cancel(): void;
}

/** The file that was chosen: how it is read, until it is sent. */
export function Sending({ file, sending, preview, send, cancel }: Props) {
  const [mapping, setMapping] = useState<Mapping>({});
  const [failed, fail] = useState<Problem>();
  const { value, problem, waiting } = useAnswer(
    (signal) => {
      const partial = file.size > BEGINNING && !/\.parquet$/i.test(file.name);
      const part = partial ? new File([file.slice(0, BEGINNING)], file.name) : file;
      return preview(part, mapping, partial, signal);
    },
    [JSON.stringify(mapping)],
  );
  const shown = failed ?? problem;
  return (
    <>
      {shown && <Notice problem={shown} />}
      {value && <Preview preview={value} mapping={mapping} change={setMapping} />}
      <p class="actions">
        <button
          class="main"
          disabled={sending || waiting || !value?.documents.length}
          onClick={() => send(mapping).catch(fail)}
        >
          {sending ? "Uploading …" : "Add these documents"}
        </button>
        <button class="plain" disabled={sending} onClick={cancel}>
          Cancel
        </button>
      </p>
    </>
  );
}
