"""Documents that could not be indexed, with the reason, in a Redis stream."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from postings.arguments import as_list
from postings.errors import DeadLetterNotFound, InvalidInput, InvalidMessage, TooOldToRetry
from postings_ingest.queue.ledger import BULK, Ledger
from postings_ingest.queue.messages import dump, from_json, pack

_PAGE = 50  # of whole documents, up to a MiB each


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One document, or one message that could not be read.

    Attributes:
        id: of the letter.
        job: whom the document was sent by; empty for a message that no producer of ours made.
        document: the document's id, ``None`` where the message doesn't say.
        error: the class of what went wrong.
        reason: in words.
        operation: what was to be done, as in :mod:`postings_ingest.queue.messages`; of an unreadable message, what
            can be shown of it.
        arrival: the version of an operation that brings none.
        failed_at: ms since the epoch.
    """

    id: str
    job: str
    document: str | None
    error: str
    reason: str
    operation: Any
    arrival: int
    failed_at: int


def letter(operation: Any, error: str, reason: str, arrival: int) -> str:
    """What is kept of an operation that failed."""
    document: str | None = None
    match operation:
        case {"upsert": {"id": str(document)}} | {"delete": {"id": str(document)}}:
            pass
    return json.dumps(
        {"document": document, "error": error, "reason": reason, "operation": operation, "arrival": arrival}
    )


class DeadLetters:
    """The dead letters of one collection.

    Args:
        ledger: of the collection.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stream = f"{ledger.prefix}:dead"

    def __len__(self) -> int:
        with self._ledger.errors():
            return int(self._ledger.redis.xlen(self._stream))

    def __contains__(self, id: str) -> bool:
        return self._fields(id) is not None

    def list(self) -> Iterator[DeadLetter]:
        """All letters, the oldest first."""
        after = "-"
        while True:
            with self._ledger.errors():
                entries: Any = self._ledger.redis.xrange(self._stream, min=after, count=_PAGE)
            for id, fields in entries:
                yield _letter(id, fields)
            if len(entries) < _PAGE:
                return
            after = f"({entries[-1][0]}"

    def get(self, id: str) -> DeadLetter:
        """One letter.

        Raises:
            DeadLetterNotFound: there is none of this id.
        """
        fields = self._fields(id)
        if fields is None:
            raise DeadLetterNotFound(f"there is no dead letter {id!r}")
        return _letter(id, fields)

    def retry(self, id: str, *, older_than: float | None = None) -> tuple[str, str] | None:
        """Queue a letter's document again, in its version; its job counts it as under way.

        Args:
            id: of the letter.
            older_than: refuse letters whose documents arrived more than this many seconds ago. When deletes of that
                time have been forgotten (``tombstone_retention``), the letter could bring a deleted document back.

        Returns:
            Batch and queue to announce, ``None`` if somebody else retried it just now.

        Raises:
            DeadLetterNotFound: there is none of this id.
            InvalidMessage: it is a message that could not be read.
            TooOldToRetry: its document arrived too long ago.
        """
        found = self.get(id)
        age = time.time() - found.arrival / 1000
        if older_than is not None and age > older_than:
            raise TooOldToRetry(
                f"dead letter {id} is {age / 86400:.1f} days old, but deletes are remembered for "
                f"{older_than / 86400:.1f} (POSTINGS_TOMBSTONE_RETENTION): it could bring back a deleted document"
            )
        from_json(found.operation)
        batch = uuid.uuid4().hex
        if not self._ledger.retry(id, batch, pack([dump(found.operation)]), BULK, found.arrival):
            return None
        return batch, BULK

    def purge(self, ids: Iterable[str] | None = None) -> int:
        """Forget letters, by default all; returns how many.

        Raises:
            InvalidInput: what came holds no ids.
        """
        named = None if ids is None else as_list("ids", ids, str, InvalidInput)
        with self._ledger.errors():
            if named is None:
                return int(self._ledger.redis.xtrim(self._stream, maxlen=0, approximate=False))
            return int(self._ledger.redis.xdel(self._stream, *named)) if named else 0

    def _fields(self, id: str) -> dict[str, str] | None:
        import redis

        try:
            with self._ledger.errors():
                entries: Any = self._ledger.redis.xrange(self._stream, min=id, max=id)
        except Exception as error:
            if isinstance(error.__cause__, redis.exceptions.ResponseError):  # no id that a stream can have
                return None
            raise
        # Redis takes the first half of an id for a range.
        return entries[0][1] if entries and entries[0][0] == id else None

    def add(self, operation: Any, error: str, reason: str) -> None:
        """Keep a message that no batch of ours holds."""
        with self._ledger.errors():
            fields: Any = {"job": "", "letter": letter(operation, error, reason, int(time.time() * 1000))}
            self._ledger.redis.xadd(self._stream, fields)


def _letter(id: str, fields: dict[str, str]) -> DeadLetter:
    try:
        content = json.loads(fields["letter"])
        return DeadLetter(id=id, job=fields["job"], failed_at=int(id.partition("-")[0]), **content)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidMessage(f"dead letter {id} isn't one that Postings wrote: {error}") from error
