"""What the routes share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from postings_serve.indexes import OpenIndexes
from postings_serve.job_events import JobEvents
from postings_serve.keys import KeyFile
from postings_serve.metrics import Metrics
from postings_serve.queues import Queues
from postings_serve.rate import Rate
from postings_serve.searches import Searches

if TYPE_CHECKING:
    from postings import Settings
    from postings_query import Reranker

_SEARCH_THREADS = 2
_SERVER_THREADS = 8


class Services:
    """What the routes share: open indexes, threads that search, keys and limits.

    Args:
        settings: the index, its default collection, and what starts with ``serve_``.
        keys: the API keys.

    Attributes:
        draining: whether the service is about to stop, so that clients should go elsewhere.
    """

    def __init__(self, settings: Settings, keys: KeyFile) -> None:
        self.settings = settings
        self.keys = keys
        self.rate = Rate(settings)
        self.metrics = Metrics()
        self.indexes = OpenIndexes(settings)
        # For the embedded engine, more threads would only wait for Python's lock; for a server, they wait for answers.
        self.searches = Searches(_SEARCH_THREADS if settings.index_folder else _SERVER_THREADS)
        self.reranker: Reranker | None = None
        self.draining = asyncio.Event()
        self.queues = Queues(settings)
        self.job_events = JobEvents(self.queues, self.draining)

    def collection(self, name: str | None) -> str:
        """The collection that a request names; by default that of the settings."""
        return self.settings.collection if name is None else name

    def wrote(self, collection: str) -> None:
        """Note that documents of a collection were queued, so that it needs a worker; any thread may call this."""

    def close(self) -> None:
        """Finish the searches that run, and close the indexes and the queues."""
        self.searches.close()
        self.indexes.close()
        self.queues.close()
