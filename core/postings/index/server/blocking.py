"""The index on a Qdrant server, for synchronous code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from qdrant_client import AsyncQdrantClient

from postings.errors import IndexRejected
from postings.index.models import CollectionModels
from postings.index.protocol import Filter, IndexInfo, Point, ScoredPoint, SearchRequest
from postings.index.scrolling import scrolled
from postings.index.server.aio import AsyncServerIndex
from postings.index.server.loop_thread import LoopThread
from postings.index.server.snapshots import download
from postings.settings import Settings
from postings.whole_files import Progress, no_progress
from postings.words.config import WordsConfig


class ServerIndex:
    """A collection on a Qdrant server or cluster; :class:`postings.Index` documents the methods.

    It runs an :class:`AsyncServerIndex` on an event loop in its own thread, so that requests can always be cancelled,
    and several can be sent at once. Several threads may use it.

    Args:
        client: an open client, used as it is; :meth:`close` closes it. By default, clients for ``settings.index_urls``
            are opened when they are needed.
        settings: ``collection``, and the settings that start with ``index_``.

    Example:
        >>> with ServerIndex(AsyncQdrantClient(":memory:")) as index:
        ...     _ = index.ensure("0123abcd", "tiny")
        ...     index.count()
        0
    """

    def __init__(self, client: AsyncQdrantClient | None, settings: Settings | None = None) -> None:
        self._settings = Settings.given(settings)
        self._index = AsyncServerIndex(client, self._settings)
        self._has_address = client is None
        self._loop = LoopThread()

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Connect to the server at ``settings.index_url``, over gRPC if it answers there.

        Raises:
            IndexUnavailable: the server can't be reached.
            ConfigurationError: the port in the URL isn't Qdrant's REST port.
            IndexRejected: the server's version is too old.
            AccessDenied: the server refuses the API key; over REST, only the next call shows this.
        """
        index = cls(None, settings)
        try:
            index._loop.run(index._index.open())
        except BaseException:
            index.close()
            raise
        return index

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._index.collection

    @property
    def exclusive(self) -> bool:
        """``False``: other processes may write to the collection at any time."""
        return False

    def ensure(self, fingerprint: str, model: str, words: WordsConfig | None = None) -> CollectionModels:
        """Create the collection for a model, or check that it has the model."""
        return self._loop.run(self._index.ensure(fingerprint, model, words))

    def info(self) -> IndexInfo:
        """Describe the collection."""
        return self._loop.run(self._index.info())

    def models(self) -> CollectionModels:
        """The models that the collection has now."""
        return self._loop.run(self._index.models())

    def add_model(self, fingerprint: str, name: str) -> CollectionModels:
        """Add another model."""
        return self._loop.run(self._index.add_model(fingerprint, name))

    def switch_model(self, fingerprint: str) -> CollectionModels:
        """Search another model."""
        return self._loop.run(self._index.switch_model(fingerprint))

    def drop_model(self, fingerprint: str) -> CollectionModels:
        """Delete the vectors of a model."""
        return self._loop.run(self._index.drop_model(fingerprint))

    def set_words(self, words: WordsConfig) -> CollectionModels:
        """Record how words are read; see :meth:`postings.Index.set_words`."""
        return self._loop.run(self._index.set_words(words))

    def upsert(self, points: Iterable[Point], *, keep_newer: bool = False) -> None:
        """Insert or replace points, with several requests at once."""
        self._loop.run(self._index.upsert(points, keep_newer=keep_newer))

    def update_vectors(self, points: Sequence[Point], condition: Filter) -> None:
        """Set vectors of stored points, with several requests at once."""
        self._loop.run(self._index.update_vectors(points, condition))

    def delete(self, filter: Filter) -> None:
        """Delete the points that match ``filter``."""
        self._loop.run(self._index.delete(filter))

    def search(self, request: SearchRequest, *, consistent: bool = False) -> list[ScoredPoint]:
        """Find points, best first."""
        return self._loop.run(self._index.search(request, consistent=consistent))

    def search_batch(self, requests: Iterable[SearchRequest], *, consistent: bool = False) -> list[list[ScoredPoint]]:
        """Answer several searches at once."""
        return self._loop.run(self._index.search_batch(requests, consistent=consistent))

    def retrieve(
        self, ids: Iterable[str], *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> list[Point]:
        """Read points by id."""
        return self._loop.run(self._index.retrieve(ids, fields=fields, vectors=vectors))

    def page(
        self,
        filter: Filter | None = None,
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        offset: str | None = None,
    ) -> tuple[list[Point], str | None]:
        """Read one page of the matching points; see :meth:`postings.Index.page`."""
        return self._loop.run(self._index.page(filter, fields=fields, vectors=vectors, offset=offset))

    def scroll(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> Iterator[Point]:
        """Read all matching points, in the order of their ids."""
        return scrolled(self, filter, fields, vectors)

    def count(self, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Count the matching points."""
        return self._loop.run(self._index.count(filter, exact=exact))

    def snapshot(self, file: str | Path, progress: Progress = no_progress) -> None:
        """Write the collection to a file; see :meth:`postings.Index.snapshot`.

        Raises:
            IndexRejected: the collection's shards are on several nodes, or the index was opened with a client of yours.
        """
        if not self._has_address:
            raise IndexRejected("an index that was opened with a client has no snapshots: use ServerIndex.connect")
        self.models()
        download(self._settings, Path(file), progress)

    def close(self) -> None:
        """Close the client; a second call does nothing."""
        self._loop.stop(self._index.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
