"""What does an explained search cost, and what does it cost to store the evidence for it?

    python -m benchmarks.explain [--documents 1000] [--data DIR]

One collection of scifact is stored with evidence, and a copy of it without, so that the hits of the copy are encoded
again. Searches of both, with and without explanation, are timed in turns, and so is encoding with and without evidence.
Writes ``benchmarks/results/explain.md``; exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.data import BEIR, ROOT, present
from postings import Document, Encoder, Index, Settings, open_index
from postings.index import Point, SearchRequest
from postings.index.payload import EVIDENCE, HIT_FIELDS, evidence_from, passage_from
from postings.words import WORDS
from postings_ingest import Pipeline
from postings_ingest.encoding import add_vectors
from postings_ingest.stored import EncodedPassage
from postings_query import SearchClient
from postings_training import load_beir

SET = "scifact"
QUERIES = 100
ENCODED, ROUNDS = 256, 9


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, and the most it may be."""

    what: str
    value: float
    unit: str
    goal: float | None
    detail: str = ""

    def reached(self) -> bool:
        return self.goal is None or self.value <= self.goal

    def markdown(self) -> str:
        goal = "" if self.goal is None else f"<= {self.goal:g} {self.unit}"
        return f"| {self.what} | {self.value:,.2f} {self.unit} | {goal} | {self.detail} |"


def in_turns(*runs: Callable[[], object], rounds: int) -> list[list[float]]:
    """Seconds of each run, by round, after one round that doesn't count."""
    taken: list[list[float]] = [[] for _ in runs]
    for round_, (seconds, run) in itertools.product(range(rounds + 1), zip(taken, runs, strict=True)):
        began = time.perf_counter()
        run()
        if round_:
            seconds.append(time.perf_counter() - began)
    return taken


def documents(corpus: Path, number: int) -> Iterator[Document]:
    with corpus.open(encoding="utf-8") as lines:
        for row in map(json.loads, itertools.islice(lines, number)):
            yield Document(row["_id"], row["text"], row["title"])


def without_evidence(point: Point) -> Point:
    return Point(point.id, {name: each for name, each in point.payload.items() if name != EVIDENCE}, point.vectors)


def size(folder: Path) -> int:
    """The blocks that a collection takes on the disk, in bytes: its engine lays out large files in advance."""
    return sum(512 * file.stat().st_blocks for file in folder.rglob("*") if file.is_file())


def explaining(encoder: Encoder, stored: Index, copy: Index, queries: Sequence[str]) -> list[Figure]:
    clients = [SearchClient(index=index, encoder=encoder) for index in (stored, copy)]
    ways: list[tuple[SearchClient, dict[str, Any]]] = [
        (clients[0], {"words": 0}),
        (clients[0], {"words": 0, "explain": True}),
        (clients[1], {"words": 0, "explain": True}),
        (clients[0], {}),
        (clients[0], {"explain": True}),
    ]
    times = []
    for query in queries:
        runs = [lambda client=client, way=way, query=query: client.search(query, **way) for client, way in ways]
        times.append([1e3 * median(seconds) for seconds in in_turns(*runs, rounds=5)])
    plain, _, _, hybrid, _ = map(median, zip(*times, strict=True))
    added, before, words = (median(row[at] - row[base] for row in times) for at, base in ((1, 0), (2, 0), (4, 3)))
    return [
        Figure("`explain=True` adds to a search, p50", added, "ms", 3, f"the search {plain:.2f} ms, ten hits"),
        Figure("the same where hits are encoded again", before, "ms", None, f"{before / added:.0f} times as much"),
        Figure("the same in a search with words", words, "ms", None, f"the search {hybrid:.2f} ms"),
    ]


def reading(encoder: Encoder, stored: Index, copy: Index, queries: Sequence[str]) -> Figure:
    """Evidence is no part of the fields that a search reads which isn't explained."""
    requests = [SearchRequest(vector, encoder.fingerprint) for vector in encoder.encode_queries(queries)]
    chosen = [SearchRequest(each.vector, each.using, fields=HIT_FIELDS) for each in requests]
    everything, fields, copied = (
        1e3 * median(seconds) / len(requests)
        for seconds in in_turns(
            lambda: [stored.search(each) for each in requests],
            lambda: [stored.search(each) for each in chosen],
            lambda: [copy.search(each) for each in requests],
            rounds=ROUNDS,
        )
    )
    detail = f"{everything:.3f} ms with all fields, {copied:.3f} ms in a collection without evidence"
    return Figure("search in the index, without explanation", fields, "ms", None, detail)


def ingesting(encoder: Encoder, index: Index) -> Figure:
    passages = [passage_from(point.payload) for point in itertools.islice(index.scroll(), ENCODED)]

    def encode(*, evidence: bool) -> None:
        parts = [EncodedPassage(each, {}) for each in passages]
        add_vectors(parts, {encoder.fingerprint: encoder}, lambda: None, evidence=evidence)

    plain, more = in_turns(lambda: encode(evidence=False), lambda: encode(evidence=True), rounds=ROUNDS)
    ratio = median(each / base for each, base in zip(more, plain, strict=True))
    each = 1e6 * median(more_ - base for more_, base in zip(more, plain, strict=True)) / len(passages)
    return Figure("encoding with evidence against without", ratio, "x", 1.05, f"{each:,.0f} µs more a passage")


def storing(encoder: Encoder, folder: Path, stored: Index) -> list[Figure]:
    points = list(stored.scroll(vectors=[encoder.fingerprint]))
    characters = mean(len(evidence_from(each.payload, encoder.fingerprint) or "") for each in points)
    dims = mean(len(each.vectors[encoder.fingerprint]) for each in points)
    text = mean(len(f"{each.payload['title']}{each.payload['text']}".encode()) for each in points)
    with_, without = (size(folder / name) / len(points) for name in ("evidence", "none"))
    detail = f"{dims:.0f} dims, {text:,.0f} bytes of text; on the disk {without:,.0f} bytes before, {with_:,.0f} after"
    return [Figure("evidence of a passage", characters, "bytes", None, detail)]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.explain", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    arguments = parser.parse_args()
    queries = list(load_beir(present(arguments.data / SET)).queries.values())[:QUERIES]
    encoder = Encoder.load("tiny", "cpu")
    with TemporaryDirectory() as folder:
        settings = Settings(index_url=folder)
        with (
            open_index(settings.of_collection("evidence")) as stored,
            open_index(settings.of_collection("none")) as copy,
        ):
            Pipeline(encoder, stored, settings).run(
                documents(arguments.data / SET / "corpus.jsonl", arguments.documents)
            )
            copy.ensure(encoder.fingerprint, encoder.location, stored.models().words)
            copy.upsert(map(without_evidence, stored.scroll(vectors=[encoder.fingerprint, WORDS])))
            figures = [
                *explaining(encoder, stored, copy, queries),
                reading(encoder, stored, copy, queries),
                ingesting(encoder, stored),
            ]
            figures += storing(encoder, Path(folder), stored)
            passages = stored.count()
    text = "\n".join(
        [
            "# What an explained search costs",
            "",
            f"`python -m benchmarks.explain` on {os.cpu_count()} CPU cores, medians: {passages:,} passages of {SET} on "
            "the embedded engine, encoded by `tiny`.",
            "",
            "| | measured | goal | |",
            "|---|--:|--:|---|",
            *(figure.markdown() for figure in figures),
            "",
        ]
    )
    print(text)
    (ROOT / "benchmarks" / "results" / "explain.md").write_text(text, encoding="utf-8")
    return int(not all(figure.reached() for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
