"""Dead letters that are queued again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postings.errors import DeadLetterNotFound, InvalidInput, PostingsError, TooOldToRetry
from postings_ingest.queue.celery_app import announce
from postings_ingest.queue.dead_letters import DeadLetters
from postings_ingest.queue.open_queue import OpenQueue


def requeue(
    queue: OpenQueue, ids: Iterable[str] | None = None, *, force: bool = False
) -> Iterator[tuple[str, PostingsError | None]]:
    """Queue the documents of dead letters again, with their versions.

    Args:
        queue: of the collection.
        ids: of dead letters; by default all.
        force: whether to queue even those that are older than ``tombstone_retention``, so that the deletes of their
            time are forgotten.

    Yields:
        Each id with the error that says why it stays a dead letter, or ``None`` if it was queued again. What somebody
        else has queued again meanwhile is left out.

    Raises:
        BrokerUnavailable: Redis can't be reached.
    """
    letters = DeadLetters(queue.ledger)
    oldest = None if force else queue.settings.tombstone_retention
    for id in [found.id for found in letters.list()] if ids is None else ids:
        try:
            batch = letters.retry(id, older_than=oldest)
        except (DeadLetterNotFound, InvalidInput, TooOldToRetry) as error:
            yield id, error
            continue
        if batch is not None:
            announce(queue.app, queue.settings, *batch)
            yield id, None
