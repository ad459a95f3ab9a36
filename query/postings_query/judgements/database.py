"""The SQLite file of judgements: opened for one call each, by any number of processes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from postings.errors import ConfigurationError, IndexUnavailable, StorageFull

_SECONDS = 10.0
"""How long to wait for another process that writes."""

_FORM = 1
"""Of the tables, as ``user_version`` of the file; 0 is a file without tables."""

# A number is never given twice, or whoever reads pages could miss what is judged meanwhile.
_TABLES = (
    """
CREATE TABLE judgements (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT NOT NULL,
    tenant TEXT NOT NULL,
    query TEXT NOT NULL,
    document TEXT NOT NULL,
    grade INTEGER NOT NULL,
    judge TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (collection, tenant, query, document)
)
""",
    "CREATE INDEX pages ON judgements (collection, tenant)",  # in the order of the numbers, which end each entry
)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection that reads; ``None`` if nothing was ever written.

    Raises:
        ConfigurationError: the file can't be read.
        IndexUnavailable: another process is writing it for too long.
    """
    with _reported(path):
        if not path.exists():
            yield None
            return
        with closing(_connect(path)) as connection:
            yield connection if _form(connection, path) else None


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose changes are kept, on the disk, when the block ends without an error.

    Raises:
        ConfigurationError: the file can't be written.
        IndexUnavailable: another process is writing it for too long.
        StorageFull: the disk is full.
    """
    with _reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(_connect(path)) as connection:
            # Two that read first and then write would wait for each other.
            connection.execute("BEGIN IMMEDIATE")
            try:
                if not _form(connection, path):
                    for each in _TABLES:
                        connection.execute(each)
                    connection.execute(f"PRAGMA user_version = {_FORM}")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


def _connect(path: Path) -> sqlite3.Connection:
    # SQLite's journal is the one for a file that is rarely written: a write-ahead log would be two more files, and
    # doesn't work where the file is shared over a network.
    return sqlite3.connect(path, timeout=_SECONDS, isolation_level=None)


def _form(connection: sqlite3.Connection, path: Path) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found not in (0, _FORM):
        raise ConfigurationError(f"{path} was written by a newer version of Postings")
    return int(found)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise IndexUnavailable(
                f"{path}: another process has been writing it for more than {_SECONDS:g} s; try again"
            ) from error
        if code == sqlite3.SQLITE_FULL:
            raise StorageFull(
                f"{path} can't be written: the disk is full; judgements that were saved are kept"
            ) from error
        raise ConfigurationError(f"{path} can't be used for judgements: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} can't be used for judgements: {error.strerror or error}") from error
