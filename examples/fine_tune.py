"""Fine-tune an encoder on your own pairs, and see whether it got better.

    python examples/fine_tune.py pairs.jsonl judged my-model

pairs.jsonl has a `query` and a `positive` in each line. `judged` is a BEIR folder with other queries: corpus.jsonl,
queries.jsonl and qrels/test.tsv.
"""

import sys
from pathlib import Path

from postings import Encoder
from postings_training import compare, load_recipe, load_set, measure_model, train


def main(pairs: str, judged: str, out: str, *changes: str) -> None:
    # The recipe keeps rows with a query of `judged` out of training, so that the score counts.
    recipe = load_recipe("tiny", changes, data__sources=[pairs], data__leave_out=[judged])
    train(recipe, Path(out), show=lambda progress: print(f"step {progress.step} of {progress.steps}", end="\r"))

    data = load_set(judged)
    before, after = (measure_model(Encoder.load(name), data) for name in ("tiny", out))
    print(f"\nnDCG@10: {before.quality.ndcg_at_10:.3f} before, {after.quality.ndcg_at_10:.3f} after")
    (test,) = compare([after], [before])
    print(f"difference {test.difference:+.3f}, p = {test.p:.3f}; {test.wins} queries better, {test.losses} worse")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
