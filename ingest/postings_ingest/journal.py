"""A journal of the documents of one run, by id: which ids came twice, and what became of each document."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from itertools import starmap
from typing import Self

from postings import Document
from postings.errors import StorageFull
from postings.unprintable import escape_surrogates
from postings.write_protocol import Written
from postings_ingest.planned_writes import PlannedWrite
from postings_ingest.report import Report
from postings_ingest.tenants import NO_TENANTS, Tenants

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA cache_size = -8000;
CREATE TABLE entries (
    tenant TEXT, id TEXT, number INTEGER, place TEXT, version INTEGER, stored INTEGER, passages INTEGER, dims INTEGER,
    unchanged INTEGER, PRIMARY KEY (id, tenant)
) WITHOUT ROWID;
CREATE TABLE duplicates (id TEXT, first TEXT, again TEXT);
"""
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_ADD = "INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_REPLACE = "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_KNOWN = "SELECT tenant, id, place, version, stored, passages, dims, unchanged FROM entries WHERE id IN"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An id that came again in the run.

    Attributes:
        id: the id of both documents.
        first: where the id came first, such as ``notes.jsonl:7``.
        again: where it came again.
    """

    id: str
    first: str
    again: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """A document that was left out because of a newer version.

    Attributes:
        id: the document's id.
        version: the newest version that the run had.
        stored: the newer version in the index, of a document or a delete.
    """

    id: str
    version: int
    stored: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one document.

    Attributes:
        version: the document's version, or its time of arrival.
        stored: the version that the index holds now.
        passages: the number of its passages.
        dims: active dims of all its passages, at least.
        unchanged: whether the index held it already, in any version.
    """

    version: int
    stored: int
    passages: int
    dims: int
    unchanged: bool = False

    @classmethod
    def of(cls, planned: PlannedWrite, written: Written) -> Self:
        """The entry of a document that was written, or needed no write."""
        # A document that needs no write has active dims: one without is encoded and written each time.
        dims = planned.dims if planned.stored is None else 1
        return cls(planned.version, written.stored, planned.passages, dims, planned.unchanged)


class Journal:
    """Remembers the documents of a run in a temporary file, so that memory doesn't grow with their number.

    Use it for one run, by one thread at a time, and close it, or use it as a context: it then forgets everything.

    Args:
        tenants: whose the documents are, where tenants share a collection; two may have documents with the same id.

    Example:
        >>> with Journal() as journal:
        ...     documents = [Document("a", "one"), Document("b", "two"), Document("a", "three")]
        ...     for document in journal.find_duplicates(documents):
        ...         pass
        ...     list(journal.duplicated())
        [Duplicate(id='a', first='document 1', again='document 3')]
    """

    def __init__(self, tenants: Tenants = NO_TENANTS) -> None:
        self._tenants = tenants
        self._counts: Counter[str] = Counter()
        # An empty name: a file of its own that is gone when it is closed, with a few of its pages held in memory.
        self._db = sqlite3.connect("", check_same_thread=False)
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    @property
    def report(self) -> Report:
        """The numbers so far, without the time."""
        return Report(**self._counts)

    def find_duplicates(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Pass documents on, and note only the ids that are given again."""
        for document in documents:
            place = self._count_document(document)
            key = self._key(document)
            with _errors():
                if not self._db.execute(_ADD, (*key, self._counts["documents"], place, 0, 0, 0, 0, 0)).rowcount:
                    self._add_duplicate(document.id, self._known([document.id])[key][0], place)
            yield document

    def note(self, documents: Sequence[tuple[Document, Entry]]) -> None:
        """Note what became of documents, in the order in which they came."""
        with _errors():
            known = self._known(list({document.id for document, _ in documents}))
            rows = {}
            for document, new in documents:
                entry = new
                first = place = self._count_document(document)
                key = self._key(document)
                if key in known:
                    first, before = known[key]
                    self._add_duplicate(document.id, first, place)
                    self._count(before, -1)
                    if new.version < before.version:
                        # The newest version of the run counts; among equal ones the last.
                        entry = replace(before, stored=new.stored)
                    # The second of two equal documents finds what the first one has written.
                    entry = replace(entry, unchanged=before.unchanged and new.unchanged)
                self._count(entry, 1)
                known[key] = first, entry
                rows[key] = (*key, self._counts["documents"], first, *astuple(entry))
            self._db.executemany(_REPLACE, rows.values())

    def duplicated(self) -> Iterator[Duplicate]:
        """The ids that came again, each time they did, in that order."""
        with _errors():
            yield from starmap(Duplicate, self._db.execute("SELECT id, first, again FROM duplicates ORDER BY rowid"))

    def superseded_documents(self) -> Iterator[Superseded]:
        """The documents that were left out because of a newer version, in the order in which they came."""
        query = "SELECT id, version, stored FROM entries WHERE stored > version ORDER BY number"
        with _errors():
            yield from starmap(Superseded, self._db.execute(query)) if self._counts["superseded"] else ()

    def never_found(self) -> Iterator[str]:
        """The ids of the documents without active dims, in the order in which they came."""
        query = "SELECT id FROM entries WHERE stored = version AND dims = 0 ORDER BY number"
        with _errors():
            yield from (id for (id,) in self._db.execute(query)) if self._counts["without_dims"] else ()

    def _count_document(self, document: Document) -> str:
        """Count a document; returns where it came from."""
        self._counts["documents"] += 1
        return escape_surrogates(document.source) if document.source else f"document {self._counts['documents']:,}"

    def _key(self, document: Document) -> tuple[str, str]:
        """What identifies a document; SQLite takes no two ``NULL`` for the same."""
        tenant, id = self._tenants.key(document)
        return tenant or "", id

    def _known(self, ids: Sequence[str]) -> dict[tuple[str, str], tuple[str, Entry]]:
        found = self._db.execute(f"{_KNOWN} ({', '.join('?' * len(ids))})", ids)
        return {(tenant, id): (place, Entry(*numbers)) for tenant, id, place, *numbers in found}

    def _add_duplicate(self, id: str, first: str, place: str) -> None:
        self._counts["duplicates"] += 1
        self._db.execute("INSERT INTO duplicates VALUES (?, ?, ?)", (id, first, place))

    def _count(self, entry: Entry, sign: int) -> None:
        if entry.stored > entry.version:
            self._counts["superseded"] += sign
        else:
            self._counts["indexed"] += sign
            self._counts["passages"] += sign * entry.passages
            self._counts["without_dims"] += sign * (entry.dims == 0)
            self._counts["unchanged"] += sign * entry.unchanged


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NO_ROOM:  # extended codes keep the primary one in this byte
            raise
        raise StorageFull(f"the folder for temporary files can't hold the ids of this run: {error}") from error
