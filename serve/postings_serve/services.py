"""What the routes share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from postings_serve.keys import KeyFile
from postings_serve.metrics import Metrics
from postings_serve.queue.job_events import JobEvents
from postings_serve.queue.queues import Queues
from postings_serve.rate import Rate
from postings_serve.search.encoders import Encoders
from postings_serve.search.indexes import Indexes
from postings_serve.search.searches import Searches
from postings_serve.search.turns import Turns

if TYPE_CHECKING:
    from postings import Settings
    from postings.index.proxy import OpenIndexes
    from postings_query import Reranker

_FOLDER_THREADS = 2
_SERVER_THREADS = 8
_PREVIEWS = 2  # at a time


class Services:
    """What the routes share: open indexes, threads that search, keys and limits.

    Args:
        settings: the index, its default collection, and what starts with ``serve_``.
        keys: the API keys.
        folder: the open collections of the index, if it is a folder.
        open_to_all: whether other machines may do everything without a key, while there is none.

    Attributes:
        needs_worker: called with a collection that documents were queued for.
        draining: whether the service is about to stop, so that clients should go elsewhere.
    """

    def __init__(
        self, settings: Settings, keys: KeyFile, folder: OpenIndexes | None = None, *, open_to_all: bool = False
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.open_to_all = open_to_all
        self.rate = Rate(settings)
        self.queues = Queues(settings)
        self.metrics = Metrics(self.queues.ledger(settings.collection, None))
        self.indexes = Indexes(settings, folder)
        self.encoders = Encoders(settings, self.indexes)
        # For the embedded engine, more threads would only wait for Python's lock; for a server, they wait for answers.
        self.searches = Searches(_SERVER_THREADS if folder is None else _FOLDER_THREADS)
        self.evaluations = Turns()
        self.previews = asyncio.Semaphore(_PREVIEWS)
        self.reranker = _reranker(settings)
        self.draining = asyncio.Event()
        self.needs_worker: Callable[[str], object] = lambda collection: None  # noqa: ARG005
        self.job_events = JobEvents(self.queues, self.draining)

    def collection(self, name: str | None) -> str:
        """The collection that a request names; by default that of the settings."""
        return self.settings.collection if name is None else name

    def close(self) -> None:
        """Finish the searches that run, and close the connections to a server and to Redis."""
        self.searches.close()
        self.indexes.close()
        self.queues.close()


def _reranker(settings: Settings) -> Reranker | None:
    if settings.serve_rerank is None:
        return None
    from postings_query import Reranker

    return Reranker.load(settings.serve_rerank, None if settings.device == "auto" else settings.device)
