"""Is the bundled model worth its place? Its nDCG@10 against splade-tiny's, which it began as, and against BM25's.

    python -m benchmarks.tiny [--model FOLDER] [--trained-on FILE …] [NAME …]

Documents (title and text, the first window of each) are searched exactly; BM25 is bm25s (lucene, k1 1.2, b 0.75) with
English stop words and the Snowball stemmer. Test queries that stand in the model's training data, or nearly so, are
left out for all three. Writes ``benchmarks/results/tiny.md``; exit status 1 if the model's mean isn't 5 % above both
peers', or if its documents have more active dims than splade-tiny's in the mean.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from benchmarks.data import BEIR, ROOT, SPLADE_TINY, present
from postings import Encoder
from postings_training.data import BeirSet, load_set
from postings_training.evaluation import Measured, Run, evaluate_each, measure_model
from postings_training.evaluation.significance import randomization_test
from postings_training.leaks.guard import without_leaks
from postings_training.leaks.known_sources import known_sources
from postings_training.teachers.bm25 import bm25_vectors

GOAL = 1.05
PEER_TOKENS = 256
"""Of a document, for splade-tiny: with its whole window of 512 it is a little worse."""


@dataclass(frozen=True, slots=True)
class Row:
    """The three systems on one set."""

    data: BeirSet
    all_queries: int
    model: Measured
    peer: Measured
    bm25: dict[str, float]

    def markdown(self) -> str:
        left_out = self.all_queries - len(self.data.judged.queries)
        return (
            f"| {self.data.name} | {self.model.documents:,} | {self.model.quality.queries:,} | {left_out} "
            f"| {self.bm25_ndcg:.4f} | {self.peer.quality.ndcg_at_10:.4f} | {self.model.quality.ndcg_at_10:.4f} "
            f"| {self.model.quality.ndcg_at_10 / self.bm25_ndcg - 1:+.1%} "
            f"| {self.model.quality.ndcg_at_10 / self.peer.quality.ndcg_at_10 - 1:+.1%} "
            f"| {self.peer.sparsity.document_dims:.0f} / {self.peer.sparsity.query_dims:.0f} "
            f"| {self.model.sparsity.document_dims:.0f} / {self.model.sparsity.query_dims:.0f} |"
        )

    @property
    def bm25_ndcg(self) -> float:
        return fmean(self.bm25.values())


def bm25(data: BeirSet) -> dict[str, float]:
    """nDCG@10 of each query."""
    queries, ids = data.judged.queries, list(data.corpus)
    asked, documents = bm25_vectors(list(queries.values()), [document.whole for document in data.corpus.values()])
    run: Run = {
        query_id: {ids[at]: float(score) for at, score in zip(scores.indices, scores.data, strict=True)}
        for query_id, scores in zip(queries, (asked @ documents.T).tocsr(), strict=True)
    }
    return {query_id: quality.ndcg_at_10 for query_id, quality in evaluate_each(run, data.judged.judgements).items()}


def set_names(folder: Path) -> list[str]:
    """Of all BEIR folders in a folder."""
    return sorted(path.name for path in present(folder).iterdir() if (path / "qrels").is_dir())


def with_window(model: Path, tokens: int, folder: Path) -> Path:
    """A copy of a model that reads fewer tokens."""
    return with_setting(model, "tokenizer_config.json", "model_max_length", tokens, folder)


def with_setting(model: Path, file: str, setting: str, value: int, folder: Path) -> Path:
    """A copy of a model with another value in one of its JSON files."""
    copy = Path(shutil.copytree(model, folder / f"{model.name}-{value}"))
    record = copy / file
    record.write_text(json.dumps(json.loads(record.read_text()) | {setting: value}))
    return copy


def page(rows: Sequence[Row], remarks: Sequence[str], arguments: Sequence[str]) -> str:
    ndcg = means(rows)
    model, peer = [row.model for row in rows], [row.peer for row in rows]
    dims = [fmean(each.sparsity.document_dims for each in of) for of in (peer, model)]
    query_dims = [fmean(each.sparsity.query_dims for each in of) for of in (peer, model)]
    over_peer = [[each.ndcg_at_10 - row.peer.each[q].ndcg_at_10 for q, each in row.model.each.items()] for row in rows]
    over_bm25 = [[each.ndcg_at_10 - row.bm25[q] for q, each in row.model.each.items()] for row in rows]
    return "\n".join(
        [
            "# The bundled model against its base and BM25, in nDCG@10",
            "",
            f"`python -m benchmarks.tiny {' '.join(arguments)}`".replace(" `", "`")
            + f" on {os.cpu_count()} CPU cores ({platform.machine()}), Python {platform.python_version()}, "
            f"bm25s {version('bm25s')}.",
            "",
            "| set | documents | queries | left out | BM25 | splade-tiny | tiny | over BM25 | over splade-tiny "
            "| active dims of splade-tiny, document / query | of tiny |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
            *(row.markdown() for row in rows),
            f"| mean | | | | {ndcg['BM25']:.4f} | {ndcg['splade-tiny']:.4f} | {ndcg['tiny']:.4f} "
            f"| {ndcg['tiny'] / ndcg['BM25'] - 1:+.1%} | {ndcg['tiny'] / ndcg['splade-tiny'] - 1:+.1%} "
            f"| {dims[0]:.0f} / {query_dims[0]:.0f} | {dims[1]:.0f} / {query_dims[1]:.0f} |",
            "",
            f"p of the difference of the means (paired randomization test over the queries): "
            f"{randomization_test(over_bm25):.4f} to BM25, {randomization_test(over_peer):.4f} to splade-tiny.",
            "Left out: test queries that stand in the model's training data, or nearly so (`postings evaluate` says "
            "how that is told).",
            f"splade-tiny reads {PEER_TOKENS} tokens of a document, tiny its own window.",
            *(f"\n{remark}" for remark in remarks),
            "",
        ]
    )


def means(rows: Sequence[Row]) -> dict[str, float]:
    return {
        "BM25": fmean(row.bm25_ndcg for row in rows),
        "splade-tiny": fmean(row.peer.quality.ndcg_at_10 for row in rows),
        "tiny": fmean(row.model.quality.ndcg_at_10 for row in rows),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tiny", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all that --data holds")
    parser.add_argument("--model", default="tiny", help="default: the bundled one")
    parser.add_argument("--trained-on", type=Path, action="append", default=[], help="pairs that it was trained on")
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    arguments = parser.parse_args()
    names = arguments.names or set_names(arguments.data)
    whole = [load_set(present(arguments.data / name)) for name in names]
    sources, unchecked = known_sources([arguments.model], arguments.trained_on)
    sets, left_out = without_leaks(whole, sources, drop=True)
    remarks = [*unchecked, *left_out]
    with TemporaryDirectory() as folder:
        peer = Encoder.load(with_window(present(SPLADE_TINY), PEER_TOKENS, Path(folder)))
        model = Encoder.load(arguments.model)
        rows = []
        for before, data in zip(whole, sets, strict=True):
            figures = (measure_model(model, data), measure_model(peer, data))
            rows.append(Row(data, len(before.judged.queries), *figures, bm25(data)))
            print(rows[-1].markdown(), file=sys.stderr, flush=True)
    text = page(rows, remarks, sys.argv[1:])
    print(text)
    (ROOT / "benchmarks" / "results" / "tiny.md").write_text(text, encoding="utf-8")
    ndcg = means(rows)
    denser = fmean(row.model.sparsity.document_dims for row in rows) > fmean(
        row.peer.sparsity.document_dims for row in rows
    )
    return int(denser or ndcg["tiny"] < GOAL * max(ndcg["BM25"], ndcg["splade-tiny"]))


if __name__ == "__main__":
    sys.exit(main())
