"""What does a lower precision cost in ranking quality? nDCG@10 on BEIR folders, by exact scoring.

    python -m benchmarks.precision [--data DIR] [NAME …]

Documents (the first window of each) and queries are encoded in both precisions. Writes
``benchmarks/results/precision.md``; exit status 1 if int8 loses more than 1 % of the mean nDCG@10.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from benchmarks.beir import MODEL, SETS
from benchmarks.data import BEIR, ROOT, present
from postings import Encoder, SparseVector
from postings.encoding_options import Backend, Precision
from postings.passages import passage_input
from postings_training.data import BeirSet, load_set
from postings_training.evaluation import ExactSearch, evaluate

CONTENDERS: dict[str, tuple[Backend, Precision]] = {
    "float32": ("onnx", "float32"),
    "int8": ("onnx", "int8"),
    "bfloat16": ("torch", "bfloat16"),
}
TOLERATED_LOSS = 0.01


def ndcg(folder: Path, encoder: Encoder) -> float:
    data = load_set(folder)
    texts = (passage_input(encoder, title, text)[0] for title, text in data.corpus.values())
    search = ExactSearch(list(data.corpus), list(encoder.stream_documents(texts)))
    return found_ndcg(search, encoder.encode_queries(list(data.judged.queries.values())), data)


def found_ndcg(search: ExactSearch, queries: Sequence[SparseVector], data: BeirSet) -> float:
    """Of what the queries' vectors find, which are in the order of the set's queries."""
    run = {query_id: search(vector) for query_id, vector in zip(data.judged.queries, queries, strict=True)}
    return evaluate(run, data.judged.judgements).ndcg_at_10


def page(figures: dict[str, dict[str, float]], arguments: Sequence[str]) -> str:
    whole = {label: mean(of.values()) for label, of in figures.items()}
    rows = [
        f"| {name} | " + " | ".join(f"{figures[label][name]:.4f}" for label in CONTENDERS) + " |"
        for name in figures["float32"]
    ]
    return "\n".join(
        [
            "# Lower precision, in nDCG@10",
            "",
            f"`python -m benchmarks.precision {' '.join(arguments)}`".replace(" `", "`")
            + f" with the model `{MODEL}`.",
            "",
            f"| set | {' | '.join(CONTENDERS)} |",
            "|---|" + "--:|" * len(CONTENDERS),
            *rows,
            "| mean | " + " | ".join(f"{figure:.4f}" for figure in whole.values()) + " |",
            "| change | " + " | ".join(f"{figure / whole['float32'] - 1:+.2%}" for figure in whole.values()) + " |",
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.precision", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", default=SETS, help=f"default: {' '.join(SETS)}")
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    arguments = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    for label, (backend, precision) in CONTENDERS.items():
        encoder = Encoder.load(MODEL, "cpu", backend, precision)
        figures[label] = {name: ndcg(present(arguments.data / name), encoder) for name in arguments.names}
        print(label, figures[label], file=sys.stderr)
    text = page(figures, sys.argv[1:])
    print(text)
    (ROOT / "benchmarks" / "results" / "precision.md").write_text(text, encoding="utf-8")
    return int(mean(figures["int8"].values()) < (1 - TOLERATED_LOSS) * mean(figures["float32"].values()))


if __name__ == "__main__":
    sys.exit(main())
