"""A tenant's part of a collection, as an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from postings.arguments import as_list
from postings.errors import ConfigurationError, InvalidInput, StrictModeRejected
from postings.index.models import CollectionModels
from postings.index.protocol import Filter, Index, IndexInfo, Point, ScoredPoint, SearchRequest
from postings.index.scrolling import scrolled
from postings.index.tenants import Tenant, check_same, tenant_of
from postings.whole_files import Progress, no_progress
from postings.words.config import WordsConfig

if TYPE_CHECKING:
    from postings.settings import Settings


class TenantIndex:
    """A tenant's part of a collection; :class:`postings.Index` documents the methods.

    Models belong to the collection, and so to all tenants: they can be read here, but not changed. Points are in the
    order of the ids under which they are stored, and pages start at such an id.

    Args:
        index: the collection, of all tenants.
        tenant: whose part this is.

    Example:
        >>> acme, globex = (TenantIndex(index, Tenant("customer", name)) for name in ("acme", "globex"))
        >>> acme.upsert(list(index.scroll(vectors=[encoder.fingerprint])))
        >>> acme.count() == index.count() - acme.count(), globex.count()
        (True, 0)
    """

    def __init__(self, index: Index, tenant: Tenant) -> None:
        self._index = index
        self.tenant = tenant

    @property
    def collection(self) -> str:
        """The collection's name."""
        return self._index.collection

    @property
    def exclusive(self) -> bool:
        """Whether other processes can't write to the collection while this index is open."""
        return self._index.exclusive

    def ensure(self, fingerprint: str, model: str, words: WordsConfig | None = None) -> CollectionModels:
        """Create the collection for a model, or check that it has the model."""
        return self._index.ensure(fingerprint, model, words)

    def info(self) -> IndexInfo:
        """Describe the collection, with the number of the tenant's points."""
        found = self._index.info()
        try:
            return replace(found, points=self.count(), approximate=False)
        except StrictModeRejected:
            return replace(found, points=self.count(exact=False), approximate=True)

    def models(self) -> CollectionModels:
        """The models that the collection has now."""
        return self._index.models()

    def add_model(self, fingerprint: str, name: str) -> CollectionModels:  # noqa: ARG002
        """Not allowed: it would be added for all tenants."""
        self._refuse("models are added")

    def switch_model(self, fingerprint: str) -> CollectionModels:  # noqa: ARG002
        """Not allowed: it would be switched for all tenants."""
        self._refuse("models are switched")

    def drop_model(self, fingerprint: str) -> CollectionModels:  # noqa: ARG002
        """Not allowed: it would be dropped for all tenants."""
        self._refuse("models are dropped")

    def set_words(self, words: WordsConfig) -> CollectionModels:
        """Record another average length; how words are read is the same for all tenants, and can't be changed here."""
        known = self.models().words
        if known is None or replace(words, average_length=None, measured_on=0) != replace(
            known, average_length=None, measured_on=0
        ):
            self._refuse("words are changed")
        return self._index.set_words(words)

    def upsert(self, points: Iterable[Point], *, keep_newer: bool = False) -> None:
        """Insert or replace points of the tenant.

        Raises:
            InvalidDocument: a point is another tenant's; nothing is written.
        """
        given = as_list("points", points, Point, InvalidInput)
        self._index.upsert([self.tenant.point(each) for each in given], keep_newer=keep_newer)

    def update_vectors(self, points: Sequence[Point], condition: Filter) -> None:
        """Set vectors of stored points of the tenant."""
        stored = [replace(each, id=self.tenant.id(each.id)) for each in points]
        self._index.update_vectors(stored, self.tenant.filter(condition))

    def delete(self, filter: Filter) -> None:
        """Delete the tenant's points that match ``filter``."""
        self._index.delete(self.tenant.filter(filter))

    def search(self, request: SearchRequest, *, consistent: bool = False) -> list[ScoredPoint]:
        """Find points of the tenant, best first."""
        return self.search_batch([request], consistent=consistent)[0]

    def search_batch(self, requests: Iterable[SearchRequest], *, consistent: bool = False) -> list[list[ScoredPoint]]:
        """Answer several searches at once."""
        answers = self._index.search_batch(self.tenant.requests(requests), consistent=consistent)
        return [self.tenant.own(each) for each in answers]

    def retrieve(
        self, ids: Iterable[str], *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> list[Point]:
        """Read points of the tenant by id."""
        stored = [self.tenant.id(each) for each in as_list("ids", ids, str, InvalidInput)]
        shown = None if fields is None else as_list("fields", fields, str, InvalidInput)
        found = self._index.retrieve(stored, fields=self.tenant.fields(shown), vectors=vectors)
        return self.tenant.own(found, shown)

    def page(
        self,
        filter: Filter | None = None,
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        offset: str | None = None,
    ) -> tuple[list[Point], str | None]:
        """Read one page of the tenant's matching points, and the offset of the next."""
        shown = None if fields is None else as_list("fields", fields, str, InvalidInput)
        found, following = self._index.page(
            self.tenant.filter(filter), fields=self.tenant.fields(shown), vectors=vectors, offset=offset
        )
        return self.tenant.own(found, shown), following

    def scroll(
        self, filter: Filter | None = None, *, fields: Sequence[str] | None = None, vectors: Sequence[str] = ()
    ) -> Iterator[Point]:
        """Read all matching points of the tenant."""
        return scrolled(self, filter, fields, vectors)

    def count(self, filter: Filter | None = None, *, exact: bool = True) -> int:
        """Count the tenant's matching points."""
        return self._index.count(self.tenant.filter(filter), exact=exact)

    def snapshot(self, file: str | Path, progress: Progress = no_progress) -> None:  # noqa: ARG002
        """Not allowed: it would have the documents of all tenants."""
        self._refuse("snapshots are made")

    def close(self) -> None:
        """Close the collection."""
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _refuse(self, what: str) -> NoReturn:
        raise ConfigurationError(
            f"collection {self.collection!r}: {what} for all tenants, but this process is bound to "
            f"{self.tenant.name!r}: unset POSTINGS_TENANT"
        )


def words_shown(index: Index) -> dict[str, Any] | None:
    """How a collection reads and weights words, as JSON for whoever sees the index; ``None`` without words.

    A tenant isn't told on how many passages the average length was measured: they are those of all tenants.

    Raises:
        CollectionNotFound: the collection doesn't exist.

    Example:
        >>> words_shown(index)["language"]
        'english'
    """
    words = index.models().words
    if words is None:
        return None
    hidden = {"measured_on"} if isinstance(index, TenantIndex) else set()
    return {name: value for name, value in words.to_json().items() if name not in hidden}


def check_index(index: object) -> None:
    """Raise :class:`ConfigurationError` if this isn't an index: its path, for example."""
    if not hasattr(index, "search_batch"):
        raise ConfigurationError(
            f"index must be an open index, such as open_index(Settings(index_url=…)), got {type(index).__name__}"
        )


def bound(index: Index, settings: Settings) -> Index:
    """The part of an index that belongs to the tenant of the settings; the index itself if they name none.

    Raises:
        ConfigurationError: the index is bound to another tenant, or isn't an index.
    """
    check_index(index)
    tenant = tenant_of(settings)
    if tenant is None:
        return index
    if not isinstance(index, TenantIndex):
        return TenantIndex(index, tenant)
    check_same(index.tenant, tenant)
    return index
