import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  close(): void;
  children: ComponentChildren;
}

/** A dialog over the page. Escape, the button and a click beside it close it; the focus goes back to where it was. */
export function Dialog({ title, close, children }: Props) {
  const id = useId();
  const shown = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = shown.current!;
    dialog.showModal();
    // Once removed, as "back" does it, an open dialog can't give the focus back.
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
