"""Does search through the engine rank as exact scoring does? nDCG@10 of both on BEIR folders, and the speed.

    python -m benchmarks.beir [--data DIR] [NAME …]

Each set is ingested by the ``postings ingest`` command. Its test queries are then answered by
``SearchClient.search_batch``, and by brute force over the same vectors, read back from the index. Writes
``benchmarks/results/beir.md``; exit status 1 if a set's two figures differ by more than 0.001.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.data import BEIR, ROOT, present
from postings import Encoder, Index, Settings, SparseVector, open_index
from postings_query import SearchClient
from postings_training.data import JudgedQueries, load_beir
from postings_training.evaluation import ExactSearch, Run, evaluate
from postings_training.evaluation.exact import LIMIT

SETS = ("nfcorpus", "scifact", "cranfield", "medline")
MODEL = "tiny"
TOLERANCE = 0.001

DONE_WITH_REJECTS = 3
"""Exit status of ``postings ingest`` where some records had no text, as two of cranfield's have not."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured on one set."""

    name: str
    documents: int
    queries: int
    engine: float
    exact: float
    documents_per_second: float
    milliseconds_per_query: float
    score_error: float

    @property
    def difference(self) -> float:
        return self.engine - self.exact

    def markdown(self) -> str:
        return (
            f"| {self.name} | {self.documents:,} | {self.queries} | {self.engine:.4f} | {self.exact:.4f} "
            f"| {self.difference:+.4f} | {self.documents_per_second:.0f} | {self.milliseconds_per_query:.1f} |"
        )


def exact_search(index: Index, vector_name: str) -> ExactSearch:
    """All stored passages, in memory."""
    ids: list[str] = []
    vectors: list[SparseVector] = []
    for point in index.scroll(fields=["doc_id"], vectors=[vector_name]):
        ids.append(point.payload["doc_id"])
        vectors.append(point.vectors[vector_name])
    return ExactSearch(ids, vectors)


def measure(name: str, data: Path, encoder: Encoder) -> Row:
    test = load_beir(present(data / name))
    with TemporaryDirectory() as folder:
        report = ingest(data / name, folder)
        with open_index(Settings(index_url=folder)) as index:
            found, seconds = search(index, encoder, test)
            exact = exact_search(index, encoder.fingerprint)
    vectors = encoder.encode_queries(list(test.queries.values()))
    expected = {query_id: exact(vector) for query_id, vector in zip(test.queries, vectors, strict=True)}
    return Row(
        name=name,
        documents=report["indexed"],
        queries=len(test.queries),
        engine=evaluate(found, test.judgements).ndcg_at_10,
        exact=evaluate(expected, test.judgements).ndcg_at_10,
        documents_per_second=report["documents"] / report["seconds"],
        milliseconds_per_query=1000 * seconds / len(test.queries),
        score_error=score_error(found, expected),
    )


def ingest(source: Path, folder: str) -> dict[str, Any]:
    """Run the command as a user would, in a folder of its own so that no setting from elsewhere counts."""
    script = str(Path(sys.executable).with_name("postings"))
    command = [script, "ingest", str(source.resolve()), "--index", folder, "--model", MODEL, "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTINGS_")}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in {0, DONE_WITH_REJECTS}:
        sys.exit(f"postings ingest {source.name} failed with exit status {done.returncode}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def search(index: Index, encoder: Encoder, test: JudgedQueries) -> tuple[Run, float]:
    client = SearchClient(index=index, encoder=encoder)
    client.search(next(iter(test.queries.values())), words=0)
    began = time.perf_counter()
    answers = client.search_batch(list(test.queries.values()), limit=LIMIT, group_by_document=True, words=0)
    seconds = time.perf_counter() - began
    run = {query_id: {hit.id: hit.score for hit in hits} for query_id, hits in zip(test.queries, answers, strict=True)}
    return run, seconds


def score_error(found: Run, expected: Run) -> float:
    """The largest relative difference between a document's two scores, of those that both found."""
    return max(
        abs(found[query_id][document_id] / score - 1)
        for query_id, scores in expected.items()
        for document_id, score in scores.items()
        if document_id in found[query_id]
    )


def page(rows: Sequence[Row]) -> str:
    return "\n".join(
        [
            "# Ranking quality through the engine, and by brute force",
            "",
            f"`python -m benchmarks.beir {' '.join(row.name for row in rows)}` with the model `{MODEL}` on "
            f"{os.cpu_count()} CPU cores ({platform.machine()}), Python {platform.python_version()}, "
            f"qdrant-edge-py {version('qdrant-edge-py')}, torch {version('torch')}.",
            "",
            "| set | documents | queries | nDCG@10 engine | nDCG@10 exact | difference | ingest docs/s "
            "| search ms/query |",
            "|---|--:|--:|--:|--:|--:|--:|--:|",
            *(row.markdown() for row in rows),
            "",
            "Engine: `postings ingest`, then `SearchClient.search_batch(limit=100, group_by_document=True)` over the "
            "embedded index.",
            "Exact: the dot products of the same query vectors with all stored vectors in float64, the best passage of "
            "each document.",
            f"A document's two scores differ by {max(row.score_error for row in rows):.0e} of their value at most: "
            "float error. It still decides the order of equal texts: nfcorpus has some abstracts under two ids, of "
            "which one is judged, so that its two figures may differ by a few ten thousandths.",
            "Ingest counts reading, encoding and writing, without the start of the process; search counts encoding the "
            "query.",
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beir", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", default=SETS, help=f"default: {' '.join(SETS)}")
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    arguments = parser.parse_args()
    encoder = Encoder.load(MODEL)
    rows = []
    for name in arguments.names:
        rows.append(measure(name, arguments.data, encoder))
        print(rows[-1].markdown(), file=sys.stderr)
    text = page(rows)
    print(text)
    (ROOT / "benchmarks" / "results").mkdir(exist_ok=True)
    (ROOT / "benchmarks" / "results" / "beir.md").write_text(text, encoding="utf-8")
    return int(any(abs(row.difference) > TOLERANCE for row in rows))


if __name__ == "__main__":
    sys.exit(main())
