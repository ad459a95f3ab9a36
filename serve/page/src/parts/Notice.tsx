import type { Problem } from "../api/ask";

/** What went wrong, in the service's words. */
export function Notice({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <p class="notice" role="alert">
      {problem.message}{" "}
      {again && (
        <button class="plain" onClick={again}>
          Try again
        </button>
      )}
    </p>
  );
}
