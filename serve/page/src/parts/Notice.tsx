import type { Problem } from "../api/ask";

/** What went wrong, in the service's words. */
export function Notice({ problem }: { problem: Problem }) {
  return (
    <p class="notice" role="alert">
      {problem.message}
    </p>
  );
}
