import { useState } from "preact/hooks";
import { ask, Problem, type Schemas } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import { go } from "../parts/link";
import { Notice } from "../parts/Notice";
import { count, things } from "../parts/numbers";
import { DropZone } from "./DropZone";
import { Preview } from "./Preview";

/** Which field is what; empty where the usual names are taken. */
export type Mapping = Partial<Record<"id_field" | "text_field" | "title_field", string>>;

const BEGINNING = 2 ** 18;

/** A file, how its fields are read, and its way into the queue. */
export function Upload({ collection }: { collection: string }) {
  const [file, setFile] = useState<File | null>(null);
  const [mapping, setMapping] = useState<Mapping>({});
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const [done, setDone] = useState<Schemas["Submitted"]>();

  const choose = (chosen: File | null) => {
    setFile(chosen);
    setMapping({});
    setProblem(undefined);
    setDone(undefined);
  };
  const preview = useAnswer(
    file &&
      ((signal) => {
        // Of a text, its beginning is enough; the columns of Parquet are described at its end.
        const isText = !/\.(parquet|gz|zst)$/i.test(file.name);
        const partial = isText && file.size > BEGINNING;
        const body = form(partial ? new File([file.slice(0, BEGINNING)], file.name) : file, mapping, collection);
        if (partial) body.append("partial", "true");
        return ask("POST", "/v1/documents/preview", { body, signal });
      }),
    [file, JSON.stringify(mapping), collection],
  );
  const send = async () => {
    if (!file) return;
    setSending(true);
    setProblem(undefined);
    try {
      const found = await ask("POST", "/v1/documents", { body: form(file, mapping, collection) });
      setFile(null);
      setDone(found);
      go({ job: found.job }, "replace");
    } catch (error) {
      setProblem(error as Problem);
    }
    setSending(false);
  };

  return (
    <section aria-label="A file">
      <DropZone file={file} choose={choose} />
      {preview.problem && <Notice problem={preview.problem} />}
      {file && preview.value && <Preview preview={preview.value} mapping={mapping} change={setMapping} />}
      {problem && <Notice problem={problem} />}
      {file && (
        <p class="actions">
          <button type="button" class="main" disabled={sending || !preview.value?.documents.length} onClick={() => void send()}>
            {sending ? "Uploading …" : "Add these documents"}
          </button>
          <button type="button" class="plain" disabled={sending} onClick={() => choose(null)}>
            Cancel
          </button>
        </p>
      )}
      {done && (
        <div role="status">
          <p>
            Queued: {things(done.submitted, "document")}.{" "}
            {done.rejected_count > 0 && `${things(done.rejected_count, "record")} can't be used:`}
          </p>
          <Rejected rejected={done.rejected} />
        </div>
      )}
    </section>
  );
}

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

function form(file: File, mapping: Mapping, collection: string): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries({ file, collection, ...mapping })) made.append(name, value);
  return made;
}
