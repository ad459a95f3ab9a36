import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Problem } from "./ask";

export interface Answered<T> {
  /** The newest answer; while the next one is awaited, that of before. None after a problem. */
  value?: T;
  problem?: Problem;
  waiting: boolean;
}

const PATIENCE = 150;

/**
 * Ask whenever one of the inputs changes.
 *
 * One request is under way at a time. What changes meanwhile is asked next, once, so that the answers keep up with a
 * slider that is dragged; a slow request is stopped for it.
 */
export function useAnswer<T>(ask: ((signal: AbortSignal) => Promise<T>) | null | undefined | false, inputs: readonly unknown[]): Answered<T> {
  const [shown, show] = useState<Answered<T>>({ waiting: Boolean(ask) });
  const turn = useRef<{ next: typeof ask; running?: AbortController; began: number }>({ next: null, began: 0 }).current;

  const run = async (): Promise<void> => {
    while (turn.next) {
      const now = turn.next;
      const running = new AbortController();
      Object.assign(turn, { next: null, running, began: performance.now() });
      try {
        const value = await now(running.signal);
        if (!running.signal.aborted) show({ value, waiting: turn.next !== null });
      } catch (error) {
        if (!running.signal.aborted)
          show({ waiting: turn.next !== null, problem: asProblem(error) });
      }
    }
    delete turn.running;
  };

  // Not after the next frame: a page that asks four times in turn would be late by as many frames.
  useLayoutEffect(() => {
    if (!ask) {
      turn.running?.abort();
      turn.next = null;
      show({ waiting: false });
      return;
    }
    turn.next = ask;
    show((before) => ({ ...before, waiting: true }));
    const { running, began } = turn;
    if (!running) void run();
    else if (running.signal.aborted || performance.now() - began > PATIENCE) running.abort();
    else {
      const timer = setTimeout(() => running.abort(), PATIENCE);
      return () => clearTimeout(timer);
    }
    return;
  }, inputs);

  useEffect(
    () => () => {
      turn.next = null;
      turn.running?.abort();
    },
    [],
  );
  return shown;
}

function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, "page", String(error));
}
