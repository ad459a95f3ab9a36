import { useState } from "preact/hooks";
import { ask, type Schemas } from "../api/ask";
import { things } from "../parts/numbers";
import { DropZone } from "./DropZone";
import { Rejected } from "./Rejected";
import { type Mapping, Sending } from "./Sending";

interface Props {
  collection: string;
  /** Called when a file was queued. */
  added(): void;
}

/** A file, and its way into the queue. */
export function Upload({ collection, added }: Props) {
  const [{ file, number }, setFile] = useState<{ file: File | null; number: number }>({ file: null, number: 0 });
  const [sending, setSending] = useState(false);
  const [done, setDone] = useState<Schemas["Submitted"]>();

  const choose = (chosen: File | null) => {
    setFile({ file: chosen, number: number + 1 });
    setDone(undefined);
  };
  const send = async (chosen: File, mapping: Mapping) => {
    setSending(true);
    try {
      const found = await ask("POST", "/v1/documents", { body: form(chosen, mapping, collection) });
      choose(null);
      setDone(found);
      added();
    } finally {
      setSending(false);
    }
  };
  return (
    <section aria-label="A file">
      <DropZone file={file} choose={choose} disabled={sending} />
      {file && (
        <Sending
          key={number}
          file={file}
          sending={sending}
          preview={(part, mapping, partial, signal) => {
            const body = form(part, mapping, collection);
            if (partial) body.append("partial", "true");
            return ask("POST", "/v1/documents/preview", { body, signal });
          }}
          send={(mapping) => send(file, mapping)}
          cancel={() => choose(null)}
        />
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

function form(file: File, mapping: Mapping, collection: string): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries({ file, collection, ...mapping })) made.append(name, value);
  return made;
}
