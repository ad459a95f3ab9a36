import { useState } from "preact/hooks";

/** Asks for an API key, which this tab keeps until it is closed. */
export function KeyForm({ refused, use }: { refused: boolean; use(key: string): void }) {
  const [key, type] = useState("");
  return (
    <main class="key-form">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          use(key.trim());
        }}
      >
        <h1>Postings</h1>
        <label class="field">
          <span>API key</span>
          <input type="password" required pattern={" *[!-~]+ *"} title="A key has no spaces and no letters beyond ASCII" autocomplete="off" autofocus value={key} onInput={(event) => type(event.currentTarget.value)} />
        </label>
        {refused && (
          <p class="notice" role="alert">
            This key isn't known here.
          </p>
        )}
        <button type="submit" class="main">
          Open
        </button>
        <p class="hint">
          Whoever runs the service makes one with <code>postings keys create</code>. This tab keeps it until it is closed.
        </p>
      </form>
    </main>
  );
}
