"""An embedded collection that another process has open, used through that process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from postings.arguments import as_list
from postings.batching import batched
from postings.errors import InvalidInput, InvalidQuery
from postings.index.fields import checked_filter
from postings.index.filters import as_json
from postings.index.models import CollectionModels, check_model
from postings.index.protocol import Filter, IndexInfo, Point, ScoredPoint, SearchRequest
from postings.index.proxy.conversion import (
    hits_from_json,
    info_from_json,
    points_from_json,
    points_to_json,
    request_to_json,
)
from postings.index.proxy.owner import Owner
from postings.index.scrolling import scrolled
from postings.whole_files import Progress, no_progress
from postings.words.config import WordsConfig

_WRITTEN = 64
"""Points of a write in one call: the engine blocks the searches of all threads of its process meanwhile."""

_READ = 256


class ProxyIndex:
    """A collection of a folder that another process has open; :class:`postings.Index` documents the methods.

    :func:`postings.open_index` opens it where a process serves the folder. How a new collection is stored, such as the
    data type of its weights, is up to the settings of that process. Threads may share it.

    Args:
        owner: the process that serves the folder; closed with the index.
        collection: the collection's name.

    Raises:
        ConfigurationError, IndexLocked, IndexCorrupt: see :class:`postings.EdgeIndex`.
        IndexUnavailable: the process has ended.

    Example:
        >>> from postings.index.proxy import IndexServer, OpenIndexes
        >>> with OpenIndexes(folder) as indexes, IndexServer(indexes):
        ...     with ProxyIndex(Owner.of(folder), "articles") as index:
        ...         _ = index.ensure("0123abcd", "tiny")
        ...         index.count()
        0
    """

    def __init__(self, owner: Owner, collection: str = "documents") -> None:
        self._owner = owner
        self._collection = collection
        try:
            self._call("open")
        except BaseException:
            owner.close()
            raise

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._collection

    @property
    def exclusive(self) -> bool:
        """``False``: the process that has the collection open writes to it too, and for others."""
        return False

    def ensure(self, fingerprint: str, model: str, words: WordsConfig | None = None) -> CollectionModels:
        """Create the collection for a model, or check that it has the model."""
        check_model(fingerprint, model)
        read = None if words is None else words.to_json()
        return self._models("ensure", fingerprint=fingerprint, model=model, words=read)

    def info(self) -> IndexInfo:
        """Describe the collection."""
        return info_from_json(self._call("info"), self._collection, str(self._owner.root))

    def models(self) -> CollectionModels:
        """The models that the collection has now."""
        return self._models("models")

    def add_model(self, fingerprint: str, name: str) -> CollectionModels:
        """Add another model."""
        check_model(fingerprint, name)
        return self._models("add_model", fingerprint=fingerprint, name=name)

    def switch_model(self, fingerprint: str) -> CollectionModels:
        """Search another model."""
        return self._models("switch_model", fingerprint=fingerprint)

    def drop_model(self, fingerprint: str) -> CollectionModels:
        """Delete the vectors of a model."""
        return self._models("drop_model", fingerprint=fingerprint)

    def set_words(self, words: WordsConfig) -> CollectionModels:
        """Record how words are read."""
        return self._models("set_words", words=words.to_json())

    def upsert(self, points: Iterable[Point], *, keep_newer: bool = False) -> None:
        """Insert or replace points, up to 64 at once."""
        batches = batched(as_list("points", points, Point, InvalidInput), _WRITTEN)
        self._call_each("upsert", ({**points_to_json(some), "keep_newer": keep_newer} for some in batches))

    def update_vectors(self, points: Sequence[Point], condition: Filter) -> None:
        """Set vectors of stored points."""
        matching = as_json(condition)
        written = batched((Point(point.id, {}, point.vectors) for point in points), _WRITTEN)
        self._call_each("update_vectors", ({**points_to_json(some), "condition": matching} for some in written))

    def delete(self, filter: Filter) -> None:
        """Delete the points that match ``filter``."""
        self._call("delete", filter=checked_filter(filter))

    def search(self, request: SearchRequest, *, consistent: bool = False) -> list[ScoredPoint]:  # noqa: ARG002
        """Find points, best first; always includes all earlier writes."""
        return self.search_batch([request])[0]

    def search_batch(
        self,
        requests: Iterable[SearchRequest],
        *,
        consistent: bool = False,  # noqa: ARG002
    ) -> list[list[ScoredPoint]]:
        """Answer several searches at once."""
        given = as_list("requests", requests, SearchRequest, InvalidQuery)
        answers = self._call("search_batch", requests=[request_to_json(each) for each in given])
        return [hits_from_json(hits) for hits in answers]

    def retrieve(
        self, ids: Iterable[str], *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> list[Point]:
        """Read points by id."""
        read = None if fields is None else as_list("fields", fields, str, InvalidInput)
        named = as_list("vectors", vectors, str, InvalidInput)
        wanted = as_list("ids", ids, str, InvalidInput)
        batches = list(batched(wanted, _READ)) or [[]]
        found = self._call_each("retrieve", ({"ids": some, "fields": read, "vectors": named} for some in batches))
        return [point for answer in found for point in points_from_json(answer)]

    def page(
        self,
        filter: Filter | None = None,
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        offset: str | None = None,
    ) -> tuple[list[Point], str | None]:
        """Read one page of the matching points; see :meth:`postings.Index.page`."""
        points, following = self._call(
            "page",
            filter=None if filter is None else checked_filter(filter),
            fields=None if fields is None else as_list("fields", fields, str, InvalidInput),
            vectors=as_list("vectors", vectors, str, InvalidInput),
            offset=offset,
        )
        return points_from_json(points), following

    def scroll(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> Iterator[Point]:
        """Read all matching points, in the order of their ids."""
        return scrolled(self, filter, fields, vectors)

    def count(self, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Count the matching points."""
        found: int = self._call("count", filter=None if filter is None else checked_filter(filter), exact=exact)
        return found

    def snapshot(self, file: str | Path, progress: Progress = no_progress) -> None:
        """Let the other process write the collection to a file; see :meth:`postings.Index.snapshot`."""
        self._owner.call("snapshot", {"name": self._collection, "file": os.path.abspath(file)}, progress)  # noqa: PTH100

    def optimize(self) -> None:
        """Write the index of what was written; see :meth:`postings.EdgeIndex.optimize`."""
        self._call("optimize")

    def close(self) -> None:
        """Close the connections; the other process keeps the collection open."""
        self._owner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _call(self, name: str, /, **arguments: Any) -> Any:
        return self._owner.call(name, arguments, collection=self._collection)

    def _call_each(self, name: str, arguments: Iterable[dict[str, Any]]) -> list[Any]:
        return self._owner.call_each(name, arguments, collection=self._collection)

    def _models(self, name: str, /, **arguments: Any) -> CollectionModels:
        return CollectionModels.from_json(self._call(name, **arguments), self._collection)
