"""A collection on several shards, as a server has it: each is an engine of its own that knows only its own points."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from heapq import merge
from itertools import islice
from pathlib import Path

from postings import EdgeIndex
from postings.index import Filter, Point, ScoredPoint, SearchRequest
from postings.index.models import CollectionModels


class Shards:
    """Writes each point to the shard of its id, and joins the answers of all, best first."""

    collection = "documents"
    exclusive = True

    def __init__(self, shards: Sequence[EdgeIndex]) -> None:
        self.shards = shards

    def models(self) -> CollectionModels:
        return self.shards[0].models()

    def write(self, points: Iterable[Point]) -> None:
        for point in points:
            self.shards[zlib.crc32(point.id.encode()) % len(self.shards)].upsert([point])

    def search_batch(self, requests: Sequence[SearchRequest], *, consistent: bool = False) -> list[list[ScoredPoint]]:
        answers = [shard.search_batch(requests, consistent=consistent) for shard in self.shards]
        return [
            list(islice(merge(*each, key=lambda hit: (-hit.score, hit.id)), request.limit))
            for request, *each in zip(requests, *answers, strict=True)
        ]

    def retrieve(self, ids: Sequence[str], *, fields: Sequence[str] | None = None) -> list[Point]:
        return [point for shard in self.shards for point in shard.retrieve(ids, fields=fields)]

    def page(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, offset: str | None = None
    ) -> tuple[list[Point], str | None]:
        pages = [shard.page(filter, fields=fields, offset=offset) for shard in self.shards]
        return [point for points, _ in pages for point in points], None


@contextmanager
def sharded(whole: EdgeIndex, folder: Path, number: int) -> Iterator[Shards]:
    """The points of a collection on so many shards."""
    models = whole.models()
    with ExitStack() as stack:
        shards = Shards([stack.enter_context(EdgeIndex(folder / str(each))) for each in range(number)])
        for shard in shards.shards:
            shard.ensure(models.active, models.active_name, models.words)
        shards.write(whole.scroll(vectors=models.vectors))
        yield shards
