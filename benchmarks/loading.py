"""What loads a Qdrant server fastest? The same passages, written in several ways, each into a collection of its own.

    python -m benchmarks.loading --index-url http://localhost:6333 [--passages 50000] [--rounds 3]

Postings writes 64 points a request, ``POSTINGS_INDEX_STREAMS`` requests at once, and waits until each is applied. The
other ways change one of these things, or let the server build its index only after the last request. Their seconds are
until all points are counted, and until the server's optimizers have nothing left to do. A way that doesn't wait isn't
told of a request that the server accepted and then couldn't apply: it shows what waiting costs, and is no way to write
documents that must not be lost. Ways take turns, so that a server that gets slower doesn't favor the first. Writes
``benchmarks/results/loading.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q

from benchmarks import scale_data, scale_roles
from benchmarks.data import BEIR, present
from postings import Encoder, Settings, open_index
from postings.batching import batched
from postings.index import Point
from postings.index.revisions import replaced_by
from postings.index.server.connection import open_client
from postings.index.server.conversion import to_own_filter, to_struct
from postings.words import WordsConfig

RESULT = Path(__file__).parent / "results" / "loading.md"
DEFAULT_THRESHOLD = 10_000
"""The server's, in kilobytes, where a collection has none of its own."""
LONGEST = 3600
"""Seconds for one way."""

Seconds = dict[str, list[tuple[float, float]]]
"""Of each way in each round: until all points are counted, and until the server is done."""


@dataclass(frozen=True, slots=True)
class Way:
    """How points are written.

    Attributes:
        name: of its row.
        points: in a request.
        streams: requests at once; by default ``settings.index_streams``.
        wait: whether each request waits until it is applied; else the last one alone does.
        index_later: whether the server builds its index after the last request.
    """

    name: str
    points: int = 64
    streams: int | None = None
    wait: bool = True
    index_later: bool = False


WAYS = (
    Way("as Postings writes"),
    Way("256 points a request", points=256),
    Way("1,024 points a request", points=1024),
    Way("8 requests at once", streams=8),
    Way("waiting for the last request alone", wait=False),
    Way("index built afterwards", index_later=True),
)


async def load(way: Way, points: Sequence[Point], settings: Settings) -> tuple[float, float]:
    """Write the points: seconds until all are counted, and until the server is done with them."""
    client, collection = open_client(settings), settings.collection
    try:
        threshold = (await client.get_collection(collection)).config.optimizer_config.indexing_threshold
        if way.index_later:
            await set_threshold(client, collection, 0)
        began = time.perf_counter()
        places = asyncio.Semaphore(way.streams or settings.index_streams)

        async def write(some: Sequence[Point], *, wait: bool) -> None:
            async with places:
                structs = [to_struct(point) for point in some]
                await client.upsert(
                    collection,
                    structs,
                    wait=wait,
                    ordering=q.WriteOrdering.STRONG,
                    update_filter=to_own_filter(replaced_by(some)),  # each write of Postings has such a condition
                )

        *requests, last = batched(points, way.points)
        await asyncio.gather(*(write(some, wait=way.wait) for some in requests))
        await write(last, wait=True)
        while (count := (await client.count(collection, exact=True)).count) < len(points):
            if time.perf_counter() - began > LONGEST:
                sys.exit(f"{way.name}: {count:,} of {len(points):,} points after {LONGEST} s: see the server's log")
            await asyncio.sleep(0.1)
        counted = time.perf_counter() - began
        if way.index_later:
            await set_threshold(client, collection, threshold or DEFAULT_THRESHOLD)
        while (status := (await client.get_collection(collection)).status) is not q.CollectionStatus.GREEN:
            if time.perf_counter() - began > LONGEST:
                sys.exit(f"{way.name}: the collection is {status.value} after {LONGEST} s: see the server's log")
            await asyncio.sleep(0.1)
        return counted, time.perf_counter() - began
    finally:
        await client.delete_collection(collection)
        await client.close()


async def set_threshold(client: AsyncQdrantClient, collection: str, kilobytes: int) -> None:
    """From how many kilobytes on a segment gets an index; 0 for never."""
    await client.update_collection(collection, optimizers_config=q.OptimizersConfigDiff(indexing_threshold=kilobytes))


def measured(points: Sequence[Point], settings: Settings, name: str, length: float, rounds: int) -> Seconds:
    """Seconds of each way in each round."""
    seconds: Seconds = {way.name: [] for way in WAYS}
    for round_ in range(rounds):
        for way in WAYS[round_ % len(WAYS) :] + WAYS[: round_ % len(WAYS)]:
            own = settings.of_collection(f"loading-{uuid.uuid4().hex[:8]}")
            with open_index(own) as index:
                index.ensure(name, "tiny", WordsConfig(average_length=length))
            seconds[way.name].append(asyncio.run(load(way, points, own)))
            counted, done = seconds[way.name][-1]
            print(f"{way.name}: {counted:.1f} s until counted, {done:.1f} s until done", file=sys.stderr)
    return seconds


def page(seconds: Seconds, passages: int, url: str, server: str) -> str:
    """The result as Markdown."""
    base = median(done for _, done in seconds[WAYS[0].name])
    rows = []
    for name, each in seconds.items():
        counted, done = (median(column) for column in zip(*each, strict=True))
        rows.append(f"| {name} | {counted:.1f} | {done:.1f} | {passages / counted:,.0f} | {base / done:.2f} x |")
    return "\n".join(
        [
            "# What loads a server fastest",
            "",
            f"`python -m benchmarks.loading --index-url {url} --passages {passages}`: Qdrant {server}, qdrant-client "
            f"{version('qdrant-client')} on {os.cpu_count()} CPU cores ({platform.machine()}); medians of "
            f"{len(seconds[WAYS[0].name])} rounds in turns.",
            "",
            "| | s until counted | s until done | points/s until counted | speed until done |",
            "|---|--:|--:|--:|--:|",
            *rows,
            "",
        ]
    )


async def server_version(settings: Settings) -> str:
    client = open_client(settings)
    try:
        return (await client.info()).version
    finally:
        await client.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.loading", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--index-url", required=True, help="the server, such as http://localhost:6333")
    parser.add_argument("--api-key", help="its API key")
    parser.add_argument("--grpc-port", type=int, help="its port for gRPC; 0 for REST")
    parser.add_argument("--passages", type=int, default=50_000, help="written in each way (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of all ways (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    parser.add_argument("--folder", type=Path, help="where to put vectors, kept; that of benchmarks.scale will do")
    parser.add_argument("--out", type=Path, default=RESULT, help="the page to write (default: %(default)s)")
    given = parser.parse_args()
    optional = {"index_api_key": given.api_key, "index_grpc_port": given.grpc_port}
    settings = Settings(
        index_url=given.index_url, **{name: value for name, value in optional.items() if value is not None}
    )
    name = Encoder.load("tiny", "cpu").fingerprint
    with TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "queries-words.offsets").exists():
            scale_data.prepare(present(given.data), folder)
        scale_data.extend(folder, given.passages)
        points = list(scale_roles.points(folder, given.passages, name, None))
        length = scale_roles.average_length(folder)
    seconds = measured(points, settings, name, length, given.rounds)
    text = page(seconds, given.passages, given.index_url, asyncio.run(server_version(settings)))
    print(text)
    given.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
