"""Dead letters: documents that could not be indexed, with the reason."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from postings.arguments import as_list
from postings.errors import DeadLetterNotFound, InvalidInput, InvalidMessage, TooOldToRetry
from postings_ingest.queue.ledger import BULK, Ledger
from postings_ingest.queue.messages import dump, from_json, pack

MAX_SHOWN = 65_536
"""Characters that a dead letter keeps of a message that can't be read."""

_PAGE = 50  # each holds a whole document, up to a MiB


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A document that could not be indexed, or a message that could not be read.

    Attributes:
        id: the dead letter's id.
        job: the job that the document was sent by; empty for a message that no producer of Postings sent.
        document: the document's id; ``None`` if the message doesn't name one.
        error: the class of the error.
        reason: the error's message.
        operation: what was to be done, as in :mod:`postings_ingest.queue.messages`; for a message that could not be
            read, what can be shown of it.
        arrival: the version of an operation that has none.
        failed_at: when it failed, in ms since the epoch.
    """

    id: str
    job: str
    document: str | None
    error: str
    reason: str
    operation: Any
    arrival: int
    failed_at: int

    def to_json(self) -> dict[str, Any]:
        """The dead letter as a JSON object."""
        return asdict(self)


def letter(operation: Any, error: str, reason: str, arrival: int) -> str:
    """The content of a dead letter, as JSON; the arguments are the attributes of :class:`DeadLetter`."""
    document: str | None = None
    match operation:
        case (
            {"upsert": {"id": str(document)}}
            | {"delete": {"id": str(document)}}
            | {"reindex": {"doc_id": str(document)}}
        ):
            pass
    return json.dumps(
        {"document": document, "error": error, "reason": reason, "operation": operation, "arrival": arrival}
    )


class DeadLetters:
    """The dead letters of a collection.

    If the ledger's settings are bound to a tenant, only those of its documents. A message that can't be read, or a
    batch that was lost, isn't known to be any tenant's.

    Args:
        ledger: the collection's ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stream = ledger.letters

    def __len__(self) -> int:
        return len(self._stream) if self._ledger.tenants.bound is None else sum(1 for _ in self.list())

    def __contains__(self, id: str) -> bool:
        try:
            self.get(id)
        except DeadLetterNotFound:
            return False
        return True

    def list(self, after: str | None = None) -> Iterator[DeadLetter]:
        """The dead letters, oldest first.

        Args:
            after: the id of a dead letter; those after it are listed, even if it is gone. By default, all are.
        """
        entries = self._stream.page(after, _PAGE)
        while entries:
            for id, fields in entries:
                if self._visible(found := _read(id, fields)):
                    yield found
            entries = self._stream.page(entries[-1][0], _PAGE) if len(entries) == _PAGE else []

    def get(self, id: str) -> DeadLetter:
        """One dead letter.

        Raises:
            DeadLetterNotFound: there is none of this id.
        """
        fields = self._stream.get(id)
        if fields is None or not self._visible(found := _read(id, fields)):
            raise DeadLetterNotFound(f"there is no dead letter {id!r}")
        return found

    def retry(self, id: str, *, older_than: float | None = None) -> tuple[str, str] | None:
        """Queue a dead letter's document again, with its version; its job counts it as unfinished.

        Args:
            id: the dead letter's id.
            older_than: refuse it if its document arrived more than this many seconds ago. Deletes older than
                ``tombstone_retention`` are forgotten, so a retry could bring a deleted document back.

        Returns:
            The batch to announce, and its queue; ``None`` if somebody else retried it just now.

        Raises:
            DeadLetterNotFound: there is none of this id.
            InvalidMessage: it is a message that could not be read, or a passage that another model couldn't encode.
            TooOldToRetry: its document arrived too long ago.
        """
        found = self.get(id)
        if isinstance(found.operation, dict) and "reindex" in found.operation:
            raise InvalidMessage("a passage that another model couldn't encode: run 'postings reindex' again")
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
        """Delete dead letters, by default all; returns how many.

        Raises:
            InvalidInput: ``ids`` isn't a list of strings.
        """
        chosen = None if ids is None else as_list("ids", ids, str, InvalidInput)
        if self._ledger.tenants.bound is None:
            return self._stream.delete(chosen)
        own = [found.id for found in self.list()]
        return self._stream.delete(own if chosen is None else list({*own} & {*chosen}))

    def add(self, operation: Any, error: str, reason: str) -> None:
        """Keep a message that belongs to no batch."""
        self._stream.add({"job": "", "letter": letter(operation, error, reason, int(time.time() * 1000))})

    def _visible(self, found: DeadLetter) -> bool:
        """Whether a dead letter may be shown: not if the ledger is bound to a tenant and this is another's."""
        tenants = self._ledger.tenants
        if tenants.bound is None:
            return True
        match found.operation:
            case {"upsert": {"metadata": dict(metadata)}}:
                return metadata.get(tenants.field) == tenants.bound
            case {"delete": {"tenant": tenant}}:
                return bool(tenant == tenants.bound)
        return False


def _read(id: str, fields: dict[str, str]) -> DeadLetter:
    try:
        content = json.loads(fields["letter"])
        return DeadLetter(id=id, job=fields["job"], failed_at=int(id.partition("-")[0]), **content)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidMessage(f"dead letter {id} isn't one that Postings wrote: {error}") from error
