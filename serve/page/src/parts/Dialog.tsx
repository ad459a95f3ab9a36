import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface Props {
  title: string;
  close(): void;
  children: ComponentChildren;
}

/** A dialog over the page. Escape, the button and a click beside it close it; the focus goes back to where it was. */
export function Dialog({ title, close, children }: Props) {
  const id = useId();
  const shown = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = shown.current!;
    dialog.showModal();
    // Removed while open, as "back" does it, it would take the focus with it.
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={shown}
      aria-labelledby={id}
      onClose={() => shown.current && close()}
      onClick={(event) => event.target === shown.current && shown.current?.close()}
    >
      <div class="dialog">
        <header>
          <h2 id={id}>{title}</h2>
          <button class="plain" aria-label="Close" onClick={() => shown.current?.close()}>
            ✕
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
