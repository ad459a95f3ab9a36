"""What every index can do, whatever engine is behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeAlias

from postings.arguments import as_integer, as_number
from postings.errors import InvalidQuery
from postings.index.models import CollectionModels
from postings.vectors import SparseVector

Filter: TypeAlias = Mapping[str, Any]
"""A filter in Qdrant's JSON form, for example ``{"must": [{"key": "metadata.lang", "match": {"value": "en"}}]}``."""


@dataclass(frozen=True, slots=True)
class Point:
    """A stored entry: an id (UUID), a JSON payload and at most one sparse vector a model."""

    id: str
    payload: Mapping[str, Any] = field(hash=False)
    vectors: Mapping[str, SparseVector] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ScoredPoint(Point):
    """A point that a search found, with the engine's score (dot product)."""

    score: float = 0.0


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search: the points whose vector ``using`` has the highest dot product with ``vector``.

    Points that share no dim with the query have no score and are never found. ``score_threshold`` leaves out lower
    scores; one that equals it, as a float32, stays. ``with_vector`` returns the stored vector of each hit too.

    Raises:
        InvalidQuery: a value is of the wrong type or out of range.
    """

    vector: SparseVector
    using: str
    limit: int = 10
    offset: int = 0
    filter: Filter | None = None
    score_threshold: float | None = None
    with_vector: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.vector, SparseVector) or not isinstance(self.using, str):
            raise InvalidQuery(
                "a search needs a SparseVector and the name of the stored ones, "
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


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """What a collection holds: its place, its models and the number of its points, tombstones included.

    The number is ``approximate`` where the collection's strict mode allows no exact count.
    """

    collection: str
    location: str
    models: CollectionModels
    points: int
    approximate: bool = False


class Index(Protocol):
    """One collection of points. Two engines implement it: :class:`EdgeIndex` and :class:`ServerIndex`.

    A filter is evaluated on what each point stores: where metadata have long strings, only on their beginning for all
    points but heads, see :mod:`postings.index.long_strings`; the search clients see to that.

    All methods raise the :class:`postings.errors.IndexFailure` branch of the error tree, and all but ``ensure``
    and ``close`` raise ``CollectionNotFound`` where there is no collection yet. Writes return once the engine
    has acknowledged them.
    """

    @property
    def collection(self) -> str:
        """The collection's name."""
        ...

    @property
    def exclusive(self) -> bool:
        """Whether no other process can write to the collection while it is open here."""
        ...

    def ensure(self, fingerprint: str, model: str) -> CollectionModels:
        """Create the collection for a model, or check that the one that stands has it.

        Args:
            fingerprint: :attr:`postings.Encoder.fingerprint`, the name of the model's vectors in the collection.
            model: what to call the model in messages.

        Raises:
            ModelMismatch: the collection stands, without this model.
        """
        ...

    def info(self) -> IndexInfo:
        """Say what the collection holds."""
        ...

    def upsert(self, points: Iterable[Point], *, newest: int | None = None) -> None:
        """Insert the points that are absent; replace those whose stored ``version`` is at most ``newest``.

        Points stored with a higher version are left as they are, silently. ``None`` replaces unconditionally.
        """
        ...

    def delete(self, filter: Filter) -> None:
        """Delete the points that match ``filter`` at the moment of the delete.

        Raises:
            InvalidFilter: a condition searches in long strings of the metadata, which only heads have whole.
        """
        ...

    def search(self, request: SearchRequest, *, consistent: bool = False) -> list[ScoredPoint]:
        """Find points, best first; equal scores in the order of their ids, so that pages are pages of one list.

        On a cluster, a replica may lag behind what was acknowledged; ``consistent`` asks most of them, and so finds
        whatever was written before. ``retrieve`` and ``scroll`` read so anyway.
        """
        ...

    def search_batch(self, requests: Iterable[SearchRequest], *, consistent: bool = False) -> list[list[ScoredPoint]]:
        """Answer several searches in one call, in the order of the requests."""
        ...

    def retrieve(
        self, ids: Iterable[str], *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> list[Point]:
        """Read points by id, in the order of ``ids``, leaving out those that aren't there.

        ``fields`` limits the payload that is read.
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
        """Read some of the points that match, in the order of their ids, from the id ``offset`` on.

        Returns the points and the id to go on with; ``None`` after the last ones.
        """
        ...

    def scroll(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> Iterator[Point]:
        """Go through all points that match, in the order of their ids; ``fields`` limits the payload that is read."""
        ...

    def count(self, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Count the points that match; without ``exact``, about as many as the engine can say at once.

        Raises:
            StrictModeRejected: the collection's strict mode doesn't allow exact counts.
        """
        ...

    def close(self) -> None:
        """Flush and release the engine; a second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...
