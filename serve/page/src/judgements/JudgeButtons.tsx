/** What is known of a query's documents, and how to say more. */
export interface Judging {
  grades: ReadonlyMap<string, number>;
  /** Absent for those who may not judge. */
  judge?: (id: string, grade: number | null) => void;
}

/** Marks a document as right or wrong for the query; once more takes it back. */
export function JudgeButtons({ id, judging: { grades, judge } }: { id: string; judging: Judging }) {
  const grade = grades.get(id);
  if (!judge) return grade === undefined ? null : <span class="judged">{grade > 0 ? "right" : "wrong"}</span>;
  const button = (name: string, sign: string, on: boolean, given: number) => (
    <button class={`judge ${name}`} aria-pressed={on} onClick={() => judge(id, on ? null : given)}>
      <span aria-hidden="true">{sign}</span> {name}
    </button>
  );
  return (
    <span class="judging" role="group" aria-label="Is this document right for the query?">
      {button("right", "✓", grade !== undefined && grade > 0, 1)}
      {button("wrong", "✕", grade === 0, 0)}
    </span>
  );
}
