"""Does a collection change its model without downtime?

    python -m benchmarks.reindex [--documents 5000] [--index-url URL] [--rate N] [--data DIR]

A client searches without pause while a producer updates and deletes documents, a backfill is ended three times and
resumed, and the collection is switched, rolled back and switched again. Afterwards every document is compared with an
in-order replay, in the vectors of both models, and every hit's score with those of the client's model. On the embedded
engine (the backfill's thread is ended in the middle of its work) and on a server (its process is killed): the one at
``--index-url``, else the embedded engine behind the tests' REST front. Writes ``benchmarks/results/reindex.md``; exit
status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from safetensors.numpy import load_file, save_file
from tests.support.qdrant_server import QdrantServer
from tests.support.worker import environment_of

from benchmarks.data import BEIR, present
from benchmarks.reindex_clients import Searcher, Updates
from postings import Document, Encoder, Index, Settings, open_index
from postings.collection_models import load_model
from postings.encoder.model_files.location import BUNDLED
from postings.index.models import CollectionModels
from postings.index.payload import PASSAGES, without_vector
from postings.passages import passage_input
from postings_ingest import Pipeline, reindex
from postings_ingest.backfill import encoder_input

RESULT = Path(__file__).parent / "results" / "reindex.md"
KILLS = 3
SLOWER, SHARE = 2.0, 0.9
SECONDS_BEFORE = 20.0


class Ended(BaseException):
    """The backfill is ended here, as by a crash."""


@dataclass(slots=True)
class Outcome:
    """What a run showed."""

    engine: str
    searches: int = 0
    failed: int = 0
    wrong: int = 0
    before: list[float] = field(default_factory=list)
    during: list[float] = field(default_factory=list)
    documents: int = 0
    different: int = 0
    alone: float = 0.0
    backfill: float = 0.0

    @property
    def slower(self) -> float:
        return quantile(self.during, 99) / quantile(self.before, 99)

    @property
    def met(self) -> bool:
        exact = not (self.failed or self.wrong or self.different)
        return exact and self.slower <= SLOWER and self.backfill >= SHARE * self.alone


def quantile(seconds: Sequence[float], percent: float) -> float:
    return float(np.percentile(seconds, percent)) * 1000


def texts(folder: Path, number: int) -> list[tuple[str, str]]:
    """Titles and texts of abstracts."""
    with (present(folder / "scifact") / "corpus.jsonl").open() as file:
        rows = [json.loads(line) for line in file]
    return [(row["title"], row["text"][:500]) for row in rows[:number]]


def other_model(folder: Path) -> Path:
    """The bundled model with other weights, and so another fingerprint."""
    copy = Path(shutil.copytree(BUNDLED / "tiny", folder / "new", ignore=shutil.ignore_patterns("onnx")))
    weights = load_file(copy / "model.safetensors")
    bias = weights["cls.predictions.bias"]
    save_file(
        {**weights, "cls.predictions.bias": (bias - 0.5).astype(bias.dtype)},
        copy / "model.safetensors",
        {"format": "pt"},
    )
    return copy


@contextmanager
def engines(name: str, url: str | None, folder: Path) -> Iterator[Settings]:
    if name == "embedded":
        yield Settings(index_url=str(folder / "index"), collection="benchmark")
    elif url:
        yield Settings(index_url=url, collection=f"reindex-{os.getpid()}")
    else:
        (folder / "server").mkdir()
        with QdrantServer(folder / "server") as server:
            yield Settings(index_url=server.url, index_grpc_port=server.grpc_port, collection="benchmark")


def backfill_here(index: Index, new: Encoder, rate: float | None) -> None:
    """Reindex in this process; ended three times."""
    for number in range(KILLS + 1):
        passes = 0

        def check() -> None:
            nonlocal passes
            passes += 1
            if number < KILLS and passes == 25:  # noqa: B023 - it is called at once
                raise Ended

        try:
            reindex(index, new, rate=rate, check=check)
        except Ended:
            continue


def backfill_there(settings: Settings, index: Index, new: Encoder, rate: float | None) -> None:
    """Reindex in a process of its own; killed three times."""
    command = [sys.executable, "-c", "from postings_cli.main import main; main()", "reindex", "--model", new.location]
    command += ["--rate", str(rate)] if rate else []
    for number in range(KILLS + 1):
        process = subprocess.Popen(command, env=environment_of(settings), stdout=subprocess.DEVNULL)
        if number < KILLS:
            before = index.count(without_vector(new.fingerprint)) if number else index.count(PASSAGES)
            while process.poll() is None and index.count(without_vector(new.fingerprint)) > before - 300:
                time.sleep(0.1)
            process.kill()
        process.wait()


def speeds(index: Index, new: Encoder) -> tuple[float, float]:
    """Passages a second of encoding alone, and of a backfill, with nothing else at work; in turns, medians."""
    inputs = [encoder_input(new, point) for point in index.scroll(PASSAGES)]
    alone, filled = [], []
    for _ in range(5):
        began = time.perf_counter()
        for start in range(0, len(inputs), 256):
            new.encode_documents(inputs[start : start + 256])
        alone.append(len(inputs) / (time.perf_counter() - began))
        index.drop_model(new.fingerprint)
        report = reindex(index, new)
        filled.append(report.encoded / report.seconds)
    return float(np.median(alone)), float(np.median(filled))


def measured(name: str, settings: Settings, new_folder: Path, options: argparse.Namespace) -> Outcome:
    """All of it on one engine."""
    outcome = Outcome(name)
    corpus = texts(options.data, options.documents)
    queries = [title for title, _ in corpus[:200]]
    with open_index(settings) as index:
        old = loaded(Encoder.load("tiny"), settings)
        new = loaded(Encoder.load(new_folder), settings)
        documents = [Document(str(n), text, title=title, version=1) for n, (title, text) in enumerate(corpus)]
        Pipeline(old, index, settings).run(documents)
        outcome.alone, outcome.backfill = speeds(index, new)
        index.drop_model(new.fingerprint)
        searcher, updates = Searcher(index, settings, queries), Updates(old, index, settings, corpus)
        searcher.start()
        updates.start()
        start = time.perf_counter()
        time.sleep(SECONDS_BEFORE)
        middle = time.perf_counter()
        if name == "embedded":
            backfill_here(index, new, options.rate)
        else:
            backfill_there(settings, index, new, options.rate)
        end = time.perf_counter()
        for fingerprint in (new.fingerprint, old.fingerprint, new.fingerprint):
            index.switch_model(fingerprint)
            time.sleep(5)
        updates.stopped = searcher.stopped = True
        updates.join()
        searcher.join()
        outcome.before, outcome.during = searcher.between(start, middle), searcher.between(middle, end)
        outcome.searches, outcome.failed = len(searcher.seconds), searcher.failed
        outcome.wrong = sum(not explained(query, hits, (old, new)) for query, hits in searcher.checked)
        outcome.documents = len(updates.state)
        outcome.different = compared(index, updates.state, (old, new))
    return outcome


def loaded(encoder: Encoder, settings: Settings) -> Encoder:
    """The same model, as clients and writers in this process share it."""
    return load_model(CollectionModels.of(encoder.fingerprint, encoder.location), encoder.fingerprint, settings)


def explained(query: str, hits: Sequence[tuple[str, str, float]], encoders: Sequence[Encoder]) -> bool:
    """Whether all scores of a list are those of one model."""

    def by(encoder: Encoder) -> bool:
        (vector,) = encoder.encode_queries([query])
        found = encoder.encode_documents([passage_input(encoder, title, text)[0] for title, text, _ in hits])
        return all(abs(vector.dot(each) - score) < 1e-3 for each, (_, _, score) in zip(found, hits, strict=True))

    return any(map(by, encoders))


def compared(index: Index, state: dict[str, tuple[str, str] | None], encoders: Sequence[Encoder]) -> int:
    """The number of documents that differ from an in-order replay: in their text, or in a vector of either model."""
    models = [encoder.fingerprint for encoder in encoders]
    wrong = set()
    points = list(index.scroll(PASSAGES, vectors=models))
    for encoder in encoders:
        expected = encoder.encode_documents(encoder_input(encoder, point) for point in points)
        for point, vector in zip(points, expected, strict=True):
            found = point.vectors.get(encoder.fingerprint)
            if found is None or found.largest_difference(vector) > 1e-4:
                wrong.add(point.payload["doc_id"])
    stored: dict[str, list[str]] = {}
    for point in points:
        stored.setdefault(point.payload["doc_id"], []).append(point.payload["text"])
    for id, expected_text in state.items():
        texts = " ".join(stored.get(id, []))
        if (expected_text is None) != (id not in stored) or (
            expected_text and expected_text[1].split()[-1] not in texts
        ):
            wrong.add(id)
    return len(wrong)


def page(outcomes: Sequence[Outcome], options: argparse.Namespace) -> str:
    limit = f", {options.rate:g} passages a second" if options.rate else ""
    lines = [
        "# A change of the model",
        "",
        f"`python -m benchmarks.reindex`: {options.documents:,} documents; {KILLS} ended backfills{limit}; "
        f"{platform.machine()}, {os.cpu_count()} cores, which client, producer and backfill share.",
        "",
        "| | " + " | ".join(each.engine for each in outcomes) + " |",
        "|---|" + "---|" * len(outcomes),
    ]

    def latency(percent: float) -> Callable[[Outcome], str]:
        return lambda o: f"{quantile(o.before, percent):.1f}, {quantile(o.during, percent):.1f}"

    rows: list[tuple[str, Callable[[Outcome], str]]] = [
        ("searches", lambda o: f"{o.searches:,}"),
        ("… that failed", lambda o: f"{o.failed}"),
        ("… with scores of the wrong model", lambda o: f"{o.wrong}"),
        ("documents unlike an in-order replay, by either model", lambda o: f"{o.different} of {o.documents:,}"),
        ("search p50 before and during the backfill, ms", latency(50)),
        ("search p99 before and during the backfill, ms", latency(99)),
        (f"… ratio (goal: at most {SLOWER:g})", lambda o: f"{o.slower:.2f}"),
        ("passages a second, encoded alone and backfilled", lambda o: f"{o.alone:,.0f}, {o.backfill:,.0f}"),
        (f"… ratio (goal: at least {SHARE:g})", lambda o: f"{o.backfill / o.alone:.2f}"),
    ]
    lines += [f"| {name} | " + " | ".join(show(each) for each in outcomes) + " |" for name, show in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--index-url")
    parser.add_argument("--rate", type=float, help="passages a second that the backfill may encode")
    parser.add_argument("--data", type=Path, default=BEIR)
    parser.add_argument("--engines", nargs="+", default=["embedded", "server"])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    outcomes = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        new = other_model(folder)
        for name in options.engines:
            (room := folder / name).mkdir()
            with engines(name, options.index_url, room) as settings:
                outcomes.append(measured(name, settings, new, options))
    text = page(outcomes, options)
    print(text)
    options.out.write_text(text)
    sys.exit(not all(each.met for each in outcomes))


if __name__ == "__main__":
    main()
