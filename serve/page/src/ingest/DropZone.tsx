import { useState } from "preact/hooks";

interface Props {
  file: File | null;
  disabled: boolean;
  choose(file: File | null): void;
}

/** Takes a file that is dropped or chosen. */
export function DropZone({ file, disabled, choose }: Props) {
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (!disabled) choose(event.dataTransfer?.files[0] ?? null);
  };
  return (
    <label
      class={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        type="file"
        disabled={disabled}
        accept=".jsonl,.ndjson,.json,.csv,.tsv,.parquet,.txt,.md,.markdown,.html,.htm,.gz,.zst"
        onChange={(event) => {
          choose(event.currentTarget.files?.[0] ?? null);
          event.currentTarget.value = "";
        }}
      />
      {file ? (
        <>
          <b>{file.name}</b>
          <span class="hint">{size(file.size)}; choose another</span>
        </>
      ) : (
        <>
          <b>Drop a file here, or choose one</b>
          <span class="hint">JSON Lines, JSON, CSV, TSV, Parquet, Markdown, HTML or text; also .gz and .zst</span>
        </>
      )}
    </label>
  );
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
