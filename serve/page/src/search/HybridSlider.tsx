import { number } from "../parts/numbers";

interface Props {
  /** The weight of exact words; null for the collection's own. */
  weight: number | null;
  own: number;
  change(weight: number | null): void;
}

const MOST = 2;

/** How much exact words count beside the model. */
export function HybridSlider({ weight, own, change }: Props) {
  return (
    <div class="hybrid">
      <span class="ends">
        <span>
          <span class="key" /> meaning
        </span>
        <span>
          exact words <span class="key word" />
        </span>
      </span>
      <input
        type="range"
        aria-label="Weight of exact words"
        min="0"
        max={Math.max(MOST, own)}
        step="0.05"
        value={weight ?? own}
        onInput={(event) => change(event.currentTarget.valueAsNumber)}
      />
      <span class="ends">
        <span>score = model + {number(weight ?? own)} × words</span>
        {weight !== null && (
          <button class="plain" onClick={() => change(null)}>
            Reset
          </button>
        )}
      </span>
    </div>
  );
}
