"""The collections of an index: listing, creating, dropping, copying, saving and restoring them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from postings.errors import CollectionExists, CollectionNotFound, IndexFailure
from postings.index.collection_size import CollectionSize, collection_size
from postings.index.models import CollectionModels
from postings.index.open import open_index
from postings.index.tenants import check_unbound
from postings.whole_files import Progress, no_progress
from postings.words import configured

if TYPE_CHECKING:
    from postings.encoder.encoder import Encoder
    from postings.settings import Settings


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection, as it is listed.

    Attributes:
        name: the collection's name.
        models: its models; ``None`` if they can't be read.
        size: its documents and passages; ``None`` if they can't be counted.
        problem: why something can't be read, for example because another process has the collection open.
    """

    name: str
    models: CollectionModels | None = None
    size: CollectionSize | None = None
    problem: str | None = None


_Listed: TypeAlias = list[Collection]  # a method is called list


class _Engine(Protocol):
    def names(self) -> list[str]: ...

    def drop(self, name: str) -> None: ...

    def copy(self, source: str, target: str, progress: Progress) -> None: ...

    def restore(self, name: str, file: Path, progress: Progress, *, replace: bool) -> None: ...


class Collections:
    """The collections of the index that the settings name.

    Of an embedded index, a collection that another process has open is changed through that process if it serves the
    folder, as ``postings serve`` does. Otherwise ``IndexLocked`` is raised after a few seconds. The same holds for one
    that is open in this process; an open index is saved with :meth:`postings.Index.snapshot`.

    Args:
        settings: ``index_url``, and the other settings that start with ``index_``.

    Raises:
        ConfigurationError: the settings are bound to a tenant.

    Example:
        >>> collections = Collections(settings)
        >>> _ = collections.create("articles", encoder)
        >>> collections.snapshot("articles", "articles.snapshot")
        >>> collections.drop("articles")
        >>> _ = collections.restore("articles", "articles.snapshot")
        >>> "articles" in collections.names()
        True
    """

    def __init__(self, settings: Settings | None = None) -> None:
        from postings.settings import Settings

        self._settings = Settings.given(settings)
        check_unbound(self._settings, "a collection")
        self._engine = _engine(self._settings)

    def names(self) -> list[str]:
        """The names of the collections that Postings created, and of those that can't be read, sorted."""
        return self._engine.names()

    def list(self) -> _Listed:
        """Describe all collections, in the order of their names; one that can't be read has a ``problem``."""
        return [self._describe(name) for name in self.names()]

    def create(self, name: str, encoder: Encoder) -> CollectionModels:
        """Create an empty collection for a model.

        Raises:
            CollectionExists: there is a collection of this name.
        """
        with open_index(self._settings.of_collection(name)) as index:
            try:
                index.models()
            except CollectionNotFound:
                return index.ensure(encoder.fingerprint, encoder.location, configured(self._settings))
        raise CollectionExists(f"there is a collection {name!r} already: drop it, or choose another name")

    def drop(self, name: str) -> None:
        """Delete a collection with all its documents and models.

        Raises:
            CollectionNotFound: there is no such collection.
            IndexRejected: Postings didn't create the collection.
        """
        self._engine.drop(self._checked(name))

    def copy(self, source: str, target: str, progress: Progress = no_progress) -> None:
        """Copy a collection with its models, documents, deletes and indexed fields to a new collection.

        On a server, each point is copied as it is when it is read. If a document is written meanwhile, the copy may
        have passages of two revisions, which the next write of the document repairs.

        Args:
            source: name of the collection to copy.
            target: name of the new collection.
            progress: called with points copied, and their number.

        Raises:
            CollectionNotFound: there is no collection ``source``.
            CollectionExists: there is a collection ``target``.
        """
        self._engine.copy(self._checked(source), self._checked(target), progress)

    def snapshot(self, name: str, file: str | Path, progress: Progress = no_progress) -> None:
        """Write a collection to a file; see :meth:`postings.Index.snapshot`.

        Raises:
            CollectionNotFound: there is no such collection.
            OutputLost: the file can't be written.
        """
        with open_index(self._settings.of_collection(name)) as index:
            index.snapshot(Path(file), progress)

    def restore(
        self, name: str, file: str | Path, *, replace: bool = False, progress: Progress = no_progress
    ) -> CollectionModels:
        """Create a collection from a snapshot of the same kind of index: embedded, or a server.

        Args:
            name: of the new collection; it may differ from the one that was saved.
            file: the snapshot.
            replace: whether a collection of this name is replaced.
            progress: called with bytes, and their total.

        Raises:
            CollectionExists: there is a collection of this name, and ``replace`` is false.
            InvalidInput: the file isn't such a snapshot, or is damaged.
        """
        self._engine.restore(self._checked(name), Path(file), progress, replace=replace)
        with open_index(self._settings.of_collection(name)) as index:
            return index.models()

    def _checked(self, name: str) -> str:
        return self._settings.of_collection(name).collection

    def _describe(self, name: str) -> Collection:
        models = None
        try:
            with open_index(self._settings.of_collection(name)) as index:
                models = index.models()
                return Collection(name, models, collection_size(index))
        except IndexFailure as error:
            return Collection(name, models, problem=str(error))


def _engine(settings: Settings) -> _Engine:
    if settings.index_folder is None:
        # qdrant-client takes a second to import, so it is imported only for a server.
        from postings.index.server.collections import ServerCollections

        return ServerCollections(settings)
    from postings.index.proxy.collections import FolderCollections

    return FolderCollections(settings.index_folder)
