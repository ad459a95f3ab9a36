"""What does a query cost, around and without the model?

    python -m benchmarks.query [--data DIR]

Contributions and inference-free queries against sentence-transformers, in turns in one process; the search above
the encoding of its query; the start of a process. Writes ``benchmarks/results/query.md``; exit status 1 if a goal is
missed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling
from transformers import AutoTokenizer

from benchmarks.beir import MODEL, ingest
from benchmarks.data import BEIR, ROOT, present
from postings import Encoder, Settings, open_index
from postings.encoder.model_files.location import BUNDLED
from postings_query import SearchClient
from postings_query.attribution import shared_dims
from postings_training import load_beir

SET = "nfcorpus"
DOCUMENTS = 2000
QUERIES = 20
REPEATS = 5
STARTS = 7
QUERY = "statin breast cancer"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value and the goal it has to reach; ``unit`` is ``x`` for ratios, of which more is better."""

    what: str
    value: float
    unit: str
    goal: float
    detail: str

    @property
    def reached(self) -> bool:
        return self.value >= self.goal if self.unit == "x" else self.value <= self.goal

    def markdown(self) -> str:
        sign, gap = (">=", "") if self.unit == "x" else ("<=", " ")
        return (
            f"| {self.what} | {self.value:,.{0 if self.unit == 'x' else 2}f}{gap}{self.unit} "
            f"| {sign} {self.goal:g}{gap}{self.unit} | {self.detail} |"
        )


def in_turns(*runs: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Median seconds of each, after one run that doesn't count."""
    for run in runs:
        run()
    taken: list[list[float]] = [[] for _ in runs]
    for _, (seconds, run) in itertools.product(range(repeats), zip(taken, runs, strict=True)):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return [median(seconds) for seconds in taken]


def contributions(encoder: Encoder, reference: SparseEncoder, texts: Sequence[str]) -> Figure:
    """How much each token of one query contributes to the scores of 2,000 documents."""
    (query,), documents = encoder.encode_queries([QUERY]), encoder.encode_documents(texts)
    query_row, document_rows = reference.encode_query(QUERY), reference.encode_document(list(texts))
    ours, theirs = in_turns(
        lambda: [shared_dims(query, documents) for _ in range(QUERIES)],
        lambda: reference.intersection(query_row, document_rows),
        repeats=3,
    )
    ours /= QUERIES
    entries = sum(len(shared.indices) for shared in shared_dims(query, documents))
    expected = int((reference.intersection(query_row, document_rows).coalesce().values() > 0).sum())
    each = f"{1e3 * ours:.2f} ms ({QUERIES} in a row)"
    detail = f"{each} against {1e3 * theirs:,.0f} ms; {entries:,} contributions (theirs: {expected:,})"
    return Figure(f"contributions, 1 query x {len(texts):,} documents", theirs / ours, "x", 1000, detail)


def inference_free(queries: Sequence[str], folder: Path) -> Figure:
    """One query at a time, by a Router whose query side is a table."""
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED / MODEL)
    static = SparseStaticEmbedding(tokenizer, weight=torch.rand(len(tokenizer)), frozen=True)
    splade = [Transformer(str(BUNDLED / MODEL), transformer_task="fill-mask"), SpladePooling()]
    reference = SparseEncoder(modules=[Router.for_query_document(query_modules=[static], document_modules=splade)])
    reference.save_pretrained(str(folder))
    encoder = Encoder.load(folder, "cpu")
    ours, theirs = in_turns(
        lambda: [encoder.encode_queries([query]) for query in queries],
        lambda: [reference.encode_query(query, show_progress_bar=False) for query in queries],
    )
    detail = f"{1e6 * ours / len(queries):.0f} µs against {1e6 * theirs / len(queries):,.0f} µs"
    return Figure("inference-free query against `encode_query`", theirs / ours, "x", 25, detail)


def search_overhead(queries: Sequence[str], folder: str, data: Path) -> Figure:
    """A search without explanation, above the encoding of its query."""
    ingest(data / SET, folder)
    with open_index(Settings(index_url=folder)) as index:
        encoder = Encoder.load(MODEL, "cpu")
        client = SearchClient(index=index, encoder=encoder)
        above, whole = [], []
        for query in (queries[0], *queries):
            encode, search = in_turns(
                lambda query=query: encoder.encode_queries([query]), lambda query=query: client.search(query, words=0)
            )
            above.append(search - encode)
            whole.append(search)
        detail = f"whole search {1e3 * median(whole[1:]):.2f} ms, {index.count():,} passages of {SET}"
    return Figure("`search` above the encoding, p50", 1e3 * median(above[1:]), "ms", 1, detail)


def starts(folder: str) -> list[Figure]:
    """Whole processes, from a warm disk."""
    postings = str(Path(sys.executable).with_name("postings"))
    commands = {
        'python -c "import postings_query"': ([sys.executable, "-c", "import postings_query"], 0.3),
        f'postings search "{QUERY}"': ([postings, "search", QUERY, "--index", folder], 1.0),
    }
    figures = []
    for shown, (command, goal) in commands.items():
        (seconds,) = in_turns(lambda c=command: subprocess.run(c, check=True, capture_output=True), repeats=STARTS)
        figures.append(Figure(f"`{shown}`, whole process", seconds, "s", goal, "no torch"))
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.query", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    arguments = parser.parse_args()
    queries = list(load_beir(present(arguments.data / SET)).queries.values())[:100]
    with (arguments.data / SET / "corpus.jsonl").open(encoding="utf-8") as lines:
        texts = list(itertools.islice(lines, DOCUMENTS))
    encoder, reference = Encoder.load(MODEL, "cpu"), SparseEncoder(str(BUNDLED / MODEL), device="cpu")
    with TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        index = str(Path(folder) / "index")
        Path(index).mkdir()
        figures = [
            contributions(encoder, reference, [text[:1000] for text in texts]),
            inference_free(queries, Path(folder) / "inference-free"),
            search_overhead(queries, index, arguments.data),
            *starts(index),
        ]
    text = "\n".join(
        [
            "# What a query costs",
            "",
            f"`python -m benchmarks.query` on {os.cpu_count()} CPU cores, medians.",
            "",
            "| | measured | goal | |",
            "|---|--:|--:|---|",
            *(figure.markdown() for figure in figures),
            "",
        ]
    )
    print(text)
    (ROOT / "benchmarks" / "results" / "query.md").write_text(text, encoding="utf-8")
    return int(not all(figure.reached for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
