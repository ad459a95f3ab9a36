"""How many searches does `postings serve` answer, and what does it keep?

    python -m benchmarks.serve [--seconds 60] [--requests 100000] [--rounds 3] [--documents 17000] [--data DIR]

32 clients search over HTTP as fast as they are answered: ``postings serve`` on an index folder, and a plain FastAPI
handler around sentence-transformers' ``SparseEncoder`` and the same collection, in the same engine (the stronger peer,
against which the goals are) and in qdrant-client's local mode, its only engine without a server. In turns, medians.
Then the service answers 100,000 searches, for 60 seconds at least, and searches beside 1,000 idle event streams. The
clients run on the same cores. Writes ``benchmarks/results/serve.md``; exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.data import BEIR, ROOT
from benchmarks.serve_index import make
from benchmarks.serve_systems import System, allow_connections, peer, running, service, wait_until_quiet
from postings import Document, Settings
from postings_ingest import Producer

CLIENTS = 32
PLAIN, EXPLAINED = {"words": 0}, {"words": 0, "explain": True}
FASTER, GROWTH = 3.0, 0.05
FIRST_REQUESTS = 1000
STREAMS, IDLE_SECONDS = 1000, 30.0


@dataclass(slots=True)
class Measured:
    """One kind of search by one system, in each round."""

    name: str
    system: System
    options: Mapping[str, Any]
    found: list[dict[str, Any]] = field(default_factory=list)

    @property
    def speed(self) -> float:
        return median(each["requests"] / each["seconds"] for each in self.found)

    def milliseconds(self, quantile: str) -> float:
        return 1e3 * median(each[quantile] for each in self.found)

    @property
    def failed(self) -> int:
        return sum(each["failed"] for each in self.found)

    def markdown(self) -> str:
        used = median(each["used"] / each["seconds"] for each in self.found)
        return (
            f"| {self.name} | {self.speed:,.0f} | {self.milliseconds('p50'):,.1f} | {self.milliseconds('p99'):,.1f} "
            f"| {self.failed} of {sum(each['requests'] for each in self.found):,} | {used:.2f} |"
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, and the goal for it; ``None`` if it has none."""

    what: str
    shown: str
    goal: str = ""
    reached: bool = True

    def markdown(self) -> str:
        return f"| {self.what} | {self.shown} | {self.goal} |"


def in_turns(folder: Path, rows: Sequence[Measured], rounds: int, seconds: float) -> None:
    """Let the clients search each, after one round that doesn't count."""
    for round_ in range(rounds + 1):
        for row in rows:
            found = row.system.load(folder, row.options, "--seconds", str(seconds if round_ else seconds / 5))
            if round_:
                row.found.append(found)
            print(f"{row.name}: {found}", file=sys.stderr)


def compared(kind: str, ours: Measured, theirs: Measured) -> list[Figure]:
    ratio = ours.speed / theirs.speed
    slowest = ours.milliseconds("p99"), theirs.milliseconds("p99")
    return [
        Figure(f"{kind} a second, against the stronger peer", f"{ratio:.1f}x", f">= {FASTER:g}x", ratio >= FASTER),
        Figure(
            f"{kind}, p99",
            f"{slowest[0]:,.1f} ms",
            f"<= {slowest[1]:,.1f} ms, the peer's",
            slowest[0] <= slowest[1],
        ),
    ]


def kept(folder: Path, ours: System, requests: int, seconds: float) -> list[Figure]:
    """Memory of a service that has answered few searches, and many."""
    first = ours.load(folder, {}, "--requests", str(FIRST_REQUESTS))
    before = ours.memory()
    found = ours.load(folder, {}, "--requests", str(requests), "--seconds", str(seconds))
    after = ours.memory()
    growth = after / before - 1
    failed = first["failed"] + found["failed"]
    answered = f"{failed} of {found['requests']:,} in {found['seconds']:,.0f} s"
    return [
        Figure("searches with words that failed", f"{answered} {found['first_failure']}".rstrip(), "0", not failed),
        Figure(
            f"memory after {FIRST_REQUESTS:,} and {found['requests']:,} searches",
            f"{before:,.0f} and {after:,.0f} MB ({growth:+.1%})",
            f"< +{GROWTH:.0%}",
            growth < GROWTH,
        ),
    ]


def idle_streams(folder: Path, ours: System, seconds: float) -> list[Figure]:
    """What listeners to a job cost that no worker works on, because it is stopped."""
    with ours.without_worker():
        return _idle_streams(folder, ours, seconds)


def _idle_streams(folder: Path, ours: System, seconds: float) -> list[Figure]:
    settings = Settings(index_url=str(folder / "index"), redis_url=ours.redis)
    with Producer(settings) as producer:
        producer.add(Document("waits", "waits"))
    path = f"/v1/jobs/{producer.job.id}/events"
    alone = ours.load(folder, PLAIN, "--seconds", str(seconds))
    before = ours.memory()
    command = [sys.executable, "-m", "benchmarks.serve_streams", str(ours.port), path, str(STREAMS)]
    with running(command, {}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listeners:
        assert listeners.stdin is not None
        assert listeners.stdout is not None
        if listeners.stdout.readline() != "open\n":
            sys.exit("the event streams didn't open")
        each = 1e3 * (ours.memory() - before) / STREAMS
        used = ours.processor_seconds()
        time.sleep(IDLE_SECONDS)
        used = (ours.processor_seconds() - used) / IDLE_SECONDS
        beside = ours.load(folder, PLAIN, "--seconds", str(seconds))
        listeners.stdin.close()
        still = int(listeners.stdout.readline())
    p99 = f"{1e3 * beside['p99']:,.1f} ms, without them {1e3 * alone['p99']:,.1f} ms"
    return [
        Figure("event streams open at the end", f"{still:,}", f"{STREAMS:,}", still == STREAMS),
        Figure("memory of an idle stream", f"{each:,.0f} kB"),
        Figure(f"processor time of {STREAMS:,} idle streams", f"{used:.1%} of a core"),
        Figure(f"p99 of searches beside {STREAMS:,} idle streams", p99),
        Figure("… that failed", f"{beside['failed']}", "0", not beside["failed"]),
    ]


def measured(folder: Path, options: argparse.Namespace) -> tuple[list[Measured], list[Figure]]:
    allow_connections(STREAMS)
    with ExitStack() as stack:
        ours = stack.enter_context(service(folder))
        wait_until_quiet(ours.process)
        figures = [*kept(folder, ours, options.requests, options.seconds), *idle_streams(folder, ours, options.each)]
        edge = stack.enter_context(peer(folder, "edge"))
        search, search_peer = Measured("`postings serve`", ours, PLAIN), Measured("peer, same engine", edge, PLAIN)
        explain = Measured("`postings serve`, explained", ours, EXPLAINED)
        explain_peer = Measured("peer, same engine, explained", edge, EXPLAINED)
        rows = [search, search_peer, Measured("`postings serve`, with words", ours, {}), explain, explain_peer]
        in_turns(folder, rows, options.rounds, options.each)
        # One turn: it takes a minute to answer each client once.
        local = Measured("peer, qdrant-client's local mode", stack.enter_context(peer(folder, "local")), PLAIN)
        local.found.append(local.system.load(folder, PLAIN, "--seconds", str(options.each)))
    figures = [*compared("searches", search, search_peer), *compared("explained", explain, explain_peer), *figures]
    failed = sum(row.failed for row in rows if row.system is ours)
    return [*rows, local], [*figures, Figure("searches that failed in the table above", str(failed), "0", not failed)]


def page(rows: Sequence[Measured], figures: Sequence[Figure], passages: int) -> str:
    command = " ".join(["python -m benchmarks.serve", *sys.argv[1:]])
    return "\n".join(
        [
            "# Searches over HTTP",
            "",
            f"`{command}`: {CLIENTS} clients, {passages:,} passages, `tiny`, ten hits; "
            f"{platform.machine()}, {os.cpu_count()} cores, which clients and service share.",
            "",
            "| | searches/s | p50 ms | p99 ms | failed | clients' use of a core |",
            "|---|--:|--:|--:|--:|--:|",
            *(row.markdown() for row in rows),
            "",
            "| | measured | goal |",
            "|---|--:|--:|",
            *(figure.markdown() for figure in figures),
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="for which no search may fail")
    parser.add_argument("--each", type=float, default=10, help="seconds of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=100_000, help="over which memory is flat")
    parser.add_argument("--documents", type=int, default=17_000)
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    parser.add_argument("--folder", type=Path, help="where the index is made, and kept for the next run")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        passages = make(folder, arguments.data, arguments.documents)
        rows, figures = measured(folder, arguments)
    text = page(rows, figures, passages)
    print(text)
    (ROOT / "benchmarks" / "results" / "serve.md").write_text(text, encoding="utf-8")
    return int(not all(figure.reached for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
