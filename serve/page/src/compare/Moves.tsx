/** Lines from each hit of one list to its place in the other; all rows are equally high. */
export function Moves({ from, to }: { from: readonly string[]; to: readonly string[] }) {
  const rows = Math.max(from.length, to.length, 1);
  return (
    <svg class="moves" viewBox={`0 0 10 ${rows}`} preserveAspectRatio="none" style={{ "--rows": rows }} aria-hidden="true">
      {from.map((key, rank) => {
        const place = to.indexOf(key);
        if (place < 0) return null;
        const [start, end] = [rank + 0.5, place + 0.5];
        return <path class={start === end ? "same" : ""} d={`M0 ${start}C5 ${start} 5 ${end} 10 ${end}`} />;
      })}
    </svg>
  );
}
