"""What do queries without a transformer cost in quality, and what do they save?

    python -m benchmarks.inference_free [--base MODEL] [--data PAIRS …] [--steps 150] [NAME …]

The recipe ``inference-free`` trains documents by a masked-language model and queries by a weight a token; the base
itself is the full model, and the teacher. Both are measured on BEIR sets (exact search, first 256 tokens); queries are
encoded one at a time, in turns, by both. Rows that hold a test query, or nearly so, aren't trained on. Writes
``benchmarks/results/inference_free.md``; exit status 1 if queries aren't 20 times as fast, or if less than 93 % of the
mean nDCG@10 is left.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

from benchmarks.data import BEIR, PAIRS, ROOT, SPLADE_TINY, present
from benchmarks.tiny import set_names, with_window
from postings import Encoder
from postings_training import load_recipe, load_set, measure_model, train
from postings_training.evaluation import Measured

FASTER, KEPT = 20.0, 0.93
TOKENS = 256
REPEATS = 5
TRAINED_ON = ("squad_dev", "scitldr", "medquad")


def seconds(encoders: Sequence[Encoder], queries: Sequence[str]) -> list[float]:
    """Of one query by itself, the median, for each encoder."""
    taken: list[list[float]] = [[] for _ in encoders]
    for _ in range(REPEATS):
        for encoder, times in zip(encoders, taken, strict=True):
            for query in queries:
                began = time.perf_counter()
                encoder.encode_queries([query])
                times.append(time.perf_counter() - began)
    return [median(times) for times in taken]


def trained(base: Path, data: Sequence[Path], tests: Sequence[Path], steps: int, out: Path) -> None:
    changes = [
        f"data.sources={list(map(str, data))}",
        f"data.leave_out={list(map(str, tests))}",
        "data.sample=1_000",
        "data.held_out=0",
        f"teachers=[{{kind = 'sparse', model = '{base}'}}]",
        "loss.kind=in-batch-kl",
        "evaluation.sets=[]",
        "evaluation.keep_best=false",
        f"training.steps={steps}",
        f"training.max_length={TOKENS // 2}",
        f"model.max_length={TOKENS}",
    ]
    train(load_recipe("inference-free", changes, base=str(base)), out)


def page(rows: Sequence[tuple[Measured, Measured]], times: Sequence[float], arguments: Sequence[str]) -> str:
    dims = [
        fmean(getattr(row[at].sparsity, side) for row in rows)
        for side in ("document_dims", "query_dims")
        for at in (0, 1)
    ]
    lines = [
        "# Inference-free queries against the full model",
        "",
        f"`python -m benchmarks.inference_free {' '.join(arguments)}`".replace(" `", "`")
        + f" on {os.cpu_count()} CPU cores ({platform.machine()}), Python {platform.python_version()}.",
        "",
        "| set | documents | queries | nDCG@10 of the full model | inference-free | kept |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for full, free in rows:
        before, after = full.quality.ndcg_at_10, free.quality.ndcg_at_10
        lines.append(
            f"| {full.data} | {full.documents:,} | {full.quality.queries:,} | {before:.4f} | {after:.4f} "
            f"| {after / before:.1%} |"
        )
    before, after = means(rows)
    lines += [
        f"| mean | | | {before:.4f} | {after:.4f} | {after / before:.1%} |",
        "",
        f"A query is encoded in {times[1] * 1e6:.0f} µs instead of {times[0] * 1e6:.0f} µs: "
        f"{times[0] / times[1]:.0f}x.",
        f"Active dims of documents {dims[0]:.0f} and {dims[1]:.0f}, of queries {dims[2]:.0f} and {dims[3]:.0f}.",
        "",
    ]
    return "\n".join(lines)


def means(rows: Sequence[tuple[Measured, Measured]]) -> tuple[float, float]:
    full, free = (fmean(row[at].quality.ndcg_at_10 for row in rows) for at in (0, 1))
    return full, free


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inference_free", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all that --sets holds")
    parser.add_argument("--base", type=Path, default=SPLADE_TINY, help="the full model")
    parser.add_argument("--data", type=Path, action="append", help="pairs to train on")
    parser.add_argument("--sets", type=Path, default=BEIR, help="the BEIR folders")
    parser.add_argument("--steps", type=int, default=150)
    arguments = parser.parse_args()
    names = arguments.names or set_names(arguments.sets)
    data = arguments.data or [present(PAIRS / f"{name}.jsonl") for name in TRAINED_ON]
    tests = [present(arguments.sets / name) for name in names]
    with TemporaryDirectory() as folder:
        out = Path(folder) / "inference-free"
        trained(present(arguments.base), data, tests, arguments.steps, out)
        full, free = Encoder.load(with_window(arguments.base, TOKENS, Path(folder))), Encoder.load(out)
        sets = [load_set(test) for test in tests]
        rows = []
        for each in sets:
            rows.append((measure_model(full, each), measure_model(free, each)))
            print(each.name, *(found.quality.ndcg_at_10 for found in rows[-1]), file=sys.stderr, flush=True)
        queries = [query for each in sets for query in list(each.judged.queries.values())[:50]]
        times = seconds([full, free], queries)
    text = page(rows, times, sys.argv[1:])
    print(text)
    (ROOT / "benchmarks" / "results" / "inference_free.md").write_text(text, encoding="utf-8")
    before, after = means(rows)
    return int(times[0] / times[1] < FASTER or after / before < KEPT)


if __name__ == "__main__":
    sys.exit(main())
