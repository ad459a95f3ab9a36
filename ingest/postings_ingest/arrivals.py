"""What came in a run, by id: which ids came twice, and what became of each document."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from itertools import starmap
from typing import Self

from postings import Document
from postings.errors import StorageFull
from postings.unprintable import escape_surrogates
from postings.write_protocol import Written
from postings_ingest.prepared import Prepared

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA cache_size = -8000;
CREATE TABLE arrivals (
    id TEXT PRIMARY KEY, number INTEGER, place TEXT, version INTEGER, stored INTEGER, passages INTEGER, dims INTEGER,
    unchanged INTEGER
) WITHOUT ROWID;
CREATE TABLE duplicates (id TEXT, first TEXT, again TEXT);
"""
_ADD = "INSERT OR IGNORE INTO arrivals VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_REPLACE = "INSERT OR REPLACE INTO arrivals VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_KNOWN = "SELECT id, place, version, stored, passages, dims, unchanged FROM arrivals WHERE id IN"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An id that came again in the run.

    Attributes:
        id: of both.
        first: where the id came first, such as ``notes.jsonl:7``.
        again: where it came again.
    """

    id: str
    first: str
    again: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """A document that was left out.

    Attributes:
        id: the document's.
        version: the newest that came in the run.
        stored: the newer one that the index holds, of a document or a delete.
    """

    id: str
    version: int
    stored: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document that was written, or refused.

    Attributes:
        version: that it came with, or its time of arrival.
        stored: that the index holds now.
        passages: that it has.
        dims: active dims of all its passages, at least.
        unchanged: it stood in the index as it came, but for the version.
    """

    version: int
    stored: int
    passages: int
    dims: int
    unchanged: bool = False

    @classmethod
    def of(cls, prepared: Prepared, written: Written) -> Self:
        """What became of a document."""
        # What stands without a write has some: a document without is always encoded.
        dims = prepared.dims if prepared.stored is None else 1
        return cls(prepared.version, written.stored, prepared.passages, dims, prepared.unchanged)


class Arrivals:
    """Remembers the documents of a run in a temporary file, so that memory doesn't grow with their number.

    Used by one thread at a time, and for one run. Close it, or use it as a context; it forgets all then.

    Attributes:
        documents: that came.
        indexed: distinct ids whose newest version of the run is in the index.
        superseded: distinct ids of which the index holds a newer version than all that came.
        duplicates: documents whose id had come before; ``documents`` is the sum of these three.
        passages: in the index, of those indexed.
        without_dims: documents of those indexed that no search can find, for no passage has an active dim.
        unchanged: documents of those indexed that stood in the index as they came, but for the version.

    Example:
        >>> with Arrivals() as arrivals:
        ...     for document in arrivals.watch([Document("a", "one"), Document("b", "two"), Document("a", "three")]):
        ...         pass
        ...     list(arrivals.duplicated())
        [Duplicate(id='a', first='document 1', again='document 3')]
    """

    def __init__(self) -> None:
        self.documents = self.indexed = self.superseded = self.duplicates = self.passages = self.without_dims = 0
        self.unchanged = 0
        # An empty name: a file of its own that is gone when it is closed, of which a few pages are held in memory.
        self._db = sqlite3.connect("", check_same_thread=False)
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget all."""
        self._db.close()

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Pass documents on, and only look for ids that come again."""
        for document in documents:
            self.documents += 1
            place = self._place(document)
            with _room():
                row = (document.id, self.documents, place, 0, 0, 0, 0, 0)
                if not self._db.execute(_ADD, row).rowcount:
                    self._again(document.id, self._known([document.id])[document.id][0], place)
            yield document

    def note(self, arrived: Sequence[tuple[Document, Arrival]]) -> None:
        """Note what became of documents, in the order in which they came."""
        with _room():
            known = self._known(list({document.id for document, _ in arrived}))
            rows = {}
            for document, arrival in arrived:
                stands = arrival
                self.documents += 1
                first = place = self._place(document)
                if document.id in known:
                    first, before = known[document.id]
                    self._again(document.id, first, place)
                    self._count(before, -1)
                    if arrival.version < before.version:
                        # The newest that came is what counts; of equal ones the last.
                        stands = replace(before, stored=arrival.stored)
                    # A copy that came second finds what the first one has written.
                    stands = replace(stands, unchanged=before.unchanged and arrival.unchanged)
                self._count(stands, 1)
                known[document.id] = first, stands
                rows[document.id] = (document.id, self.documents, first, *astuple(stands))
            self._db.executemany(_REPLACE, rows.values())

    def duplicated(self) -> Iterator[Duplicate]:
        """The ids that came again, each time they did, in that order."""
        yield from starmap(Duplicate, self._db.execute("SELECT id, first, again FROM duplicates ORDER BY rowid"))

    def superseded_documents(self) -> Iterator[Superseded]:
        """The documents that a newer version kept out, in the order in which they came."""
        query = "SELECT id, version, stored FROM arrivals WHERE stored > version ORDER BY number"
        yield from starmap(Superseded, self._db.execute(query)) if self.superseded else ()

    def never_found(self) -> Iterator[str]:
        """The ids of the documents without active dims, in the order in which they came."""
        query = "SELECT id FROM arrivals WHERE stored = version AND dims = 0 ORDER BY number"
        yield from (id for (id,) in self._db.execute(query)) if self.without_dims else ()

    def _place(self, document: Document) -> str:
        return escape_surrogates(document.source) if document.source else f"document {self.documents:,}"

    def _known(self, ids: Sequence[str]) -> dict[str, tuple[str, Arrival]]:
        found = self._db.execute(f"{_KNOWN} ({', '.join('?' * len(ids))})", ids)
        return {id: (place, Arrival(*numbers)) for id, place, *numbers in found}

    def _again(self, id: str, first: str, place: str) -> None:
        self.duplicates += 1
        self._db.execute("INSERT INTO duplicates VALUES (?, ?, ?)", (id, first, place))

    def _count(self, arrival: Arrival, sign: int) -> None:
        if arrival.stored > arrival.version:
            self.superseded += sign
        else:
            self.indexed += sign
            self.passages += sign * arrival.passages
            self.without_dims += sign * (arrival.dims == 0)
            self.unchanged += sign * arrival.unchanged


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageFull(f"the folder for temporary files can't hold the ids of this run: {error}") from error
