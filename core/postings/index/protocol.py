"""The protocol of an index, which all engines implement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self, TypeAlias, get_args

from postings.arguments import as_integer, as_number
from postings.errors import IndexRejected, InvalidQuery
from postings.index.models import CollectionModels
from postings.vectors import SparseVector
from postings.whole_files import Progress, no_progress
from postings.words.config import WORDS, WordsConfig

Filter: TypeAlias = Mapping[str, Any]
"""A filter in Qdrant's JSON form, for example ``{"must": [{"key": "metadata.lang", "match": {"value": "en"}}]}``."""


@dataclass(frozen=True, slots=True)
class Point:
    """A stored entry: an id (UUID), a JSON payload, and at most one sparse vector for each model."""

    id: str
    payload: Mapping[str, Any] = field(hash=False)
    vectors: Mapping[str, SparseVector] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ScoredPoint(Point):
    """A point found by a search, with the engine's score (dot product)."""

    score: float = 0.0


Fusion: TypeAlias = Literal["sum", "rrf", "dbsf"]
"""How the scores of model and words become one: their weighted sum, or the engine's RRF or DBSF."""

RRF_K = 60
"""The constant of RRF, as in its paper (Cormack and others, Reciprocal Rank Fusion, 2009)."""

FUSIONS: tuple[Fusion, ...] = get_args(Fusion)


@dataclass(frozen=True, slots=True)
class WordQuery:
    """The exact words of a query, whose score is added to that of the model.

    Attributes:
        vector: the words with their weights, 1 as they are encoded; the engine multiplies them by the words' inverse
            document frequency.
        weight: of the words' score in the sum.
        fusion: ``sum``, or ``rrf`` or ``dbsf``, which have no weight.
    """

    vector: SparseVector
    weight: float
    fusion: Fusion = "sum"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search: the points whose vector ``using`` has the highest dot product with ``vector``.

    Points that share no dim with the query have no score and are never found. Hits with a score below
    ``score_threshold``, as a float32, are left out. ``with_vector`` also returns the stored vectors of each hit.

    With ``words``, the score is that of ``vector`` plus weight x that of the words. Candidates are the best of either
    side, see :func:`postings.index.ranking.candidates`; each gets both scores. Document frequencies are counted among
    the points that match ``corpus``, by default among all. ``fields`` are the payload fields to read, by default all.

    Raises:
        InvalidQuery: a value has the wrong type or is out of range.
    """

    vector: SparseVector
    using: str
    limit: int = 10
    offset: int = 0
    filter: Filter | None = None
    score_threshold: float | None = None
    with_vector: bool = False
    words: WordQuery | None = None
    fields: Sequence[str] | None = None
    corpus: Filter | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.vector, SparseVector) or not isinstance(self.using, str):
            raise InvalidQuery(
                "a search needs a SparseVector and the name of the vectors to search, "
                f"got {type(self.vector).__name__} and {type(self.using).__name__}"
            )
        limit, offset = as_integer("limit", self.limit, InvalidQuery), as_integer("offset", self.offset, InvalidQuery)
        if limit < 1 or offset < 0:
            raise InvalidQuery(f"limit must be >= 1, offset >= 0; got {limit} and {offset}")
        object.__setattr__(self, "limit", limit)
        object.__setattr__(self, "offset", offset)
        if self.score_threshold is not None:
            threshold = as_number("score_threshold", self.score_threshold, InvalidQuery)
            object.__setattr__(self, "score_threshold", threshold)

    @property
    def vectors(self) -> list[str]:
        """The names of the vectors that are searched."""
        return [self.using, WORDS] if self.words else [self.using]


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """A collection: its location, its models and the number of its points, including tombstones.

    The number is ``approximate`` if the collection's strict mode doesn't allow an exact count.
    """

    collection: str
    location: str
    models: CollectionModels
    points: int
    approximate: bool = False


class PointMissing(IndexRejected):
    """A point whose vectors were to be updated doesn't exist.

    Engines update 32 points at a time, in an order of their own, and stop after those among which the point is: others
    may not be updated.
    """


class Index(Protocol):
    """One collection of points; :class:`EdgeIndex`, :class:`ServerIndex` and :class:`ProxyIndex` implement it.

    A filter is evaluated on what each point stores. Of long strings in the metadata, only heads store more than the
    beginning, see :mod:`postings.index.long_strings`; the search clients take care of this.

    All methods may raise errors of the class :class:`postings.errors.IndexFailure`. All but ``ensure`` and ``close``
    raise ``CollectionNotFound`` if the collection doesn't exist yet. Writes return when the engine has acknowledged
    them.
    """

    @property
    def collection(self) -> str:
        """The collection's name."""
        ...

    @property
    def exclusive(self) -> bool:
        """Whether other processes can't write to the collection while this index is open."""
        ...

    def ensure(self, fingerprint: str, model: str, words: WordsConfig | None = None) -> CollectionModels:
        """Create the collection for a model, or check that an existing collection has the model.

        Args:
            fingerprint: :attr:`postings.Encoder.fingerprint`, the name of the model's vectors in the collection.
            model: the name of the model in messages.
            words: how the words of a new collection are read and weighted; by default it has none.

        Raises:
            ModelMismatch: the collection exists without this model.
        """
        ...

    def info(self) -> IndexInfo:
        """Describe the collection."""
        ...

    def models(self) -> CollectionModels:
        """The models that the collection has now."""
        ...

    def add_model(self, fingerprint: str, name: str) -> CollectionModels:
        """Add an empty named vector for another model; a model that the collection has stays as it is."""
        ...

    def switch_model(self, fingerprint: str) -> CollectionModels:
        """Make another model of the collection the one that is searched.

        Raises:
            ModelMismatch: the collection doesn't have this model.
        """
        ...

    def drop_model(self, fingerprint: str) -> CollectionModels:
        """Delete all vectors of a model; nothing happens if the collection doesn't have it.

        Raises:
            ConfigurationError: this is the model that is searched.
        """
        ...

    def set_words(self, words: WordsConfig) -> CollectionModels:
        """Record how words are read and weighted; a collection without them gets their vectors, still empty."""
        ...

    def upsert(self, points: Iterable[Point], *, keep_newer: bool = False) -> None:
        """Insert or replace points.

        Args:
            points: what to write.
            keep_newer: whether a stored point whose ``version`` is higher silently stays as it is.
        """
        ...

    def update_vectors(self, points: Sequence[Point], condition: Filter) -> None:
        """Set vectors of stored points that match ``condition``.

        Vectors of other names and payloads stay as they are; the payloads of ``points`` aren't read. Points that don't
        exist are left out.

        Raises:
            ModelMismatch: the collection doesn't have a model.
        """
        ...

    def delete(self, filter: Filter) -> None:
        """Delete the points that match ``filter`` at the time of the delete.

        Raises:
            InvalidFilter: a condition searches long strings of the metadata, which only heads store whole.
        """
        ...

    def search(self, request: SearchRequest, *, consistent: bool = False) -> list[ScoredPoint]:
        """Find points, best first; equal scores are in the order of their ids, so pages don't overlap.

        On a cluster, a replica may not have all acknowledged writes yet. ``consistent`` asks a majority of the
        replicas, and so finds everything that was written before. ``retrieve`` and ``scroll`` always do so.
        """
        ...

    def search_batch(self, requests: Iterable[SearchRequest], *, consistent: bool = False) -> list[list[ScoredPoint]]:
        """Answer several searches in one call; return their hits in the order of the requests."""
        ...

    def retrieve(
        self, ids: Iterable[str], *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> list[Point]:
        """Read points by id, in the order of ``ids``; ids that don't exist are left out.

        Args:
            ids: of the points.
            fields: payload fields to read; by default all.
            vectors: names of the vectors to read; by default none.
        """
        ...

    def page(
        self,
        filter: Filter | None = None,
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        offset: str | None = None,
    ) -> tuple[list[Point], str | None]:
        """Read one page of the matching points, in the order of their ids, starting at the id ``offset``.

        Returns:
            The points, and the id at which the next page starts; ``None`` after the last page.
        """
        ...

    def scroll(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> Iterator[Point]:
        """Read all matching points, in the order of their ids; see :meth:`retrieve` for the arguments."""
        ...

    def count(self, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Count the matching points; without ``exact``, the engine may estimate the number.

        Raises:
            StrictModeRejected: the collection's strict mode doesn't allow exact counts.
        """
        ...

    def snapshot(self, file: str | Path, progress: Progress = no_progress) -> None:
        """Write the collection to a file, which :meth:`postings.collections.Collections.restore` reads.

        A file of this name is replaced when the snapshot is whole. Writes may go on meanwhile: each is in the snapshot
        as a whole, or not at all.

        Args:
            file: where to write.
            progress: called with bytes, and their total.

        Raises:
            OutputLost: the file can't be written.
        """
        ...

    def close(self) -> None:
        """Flush and release the engine; a second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...
