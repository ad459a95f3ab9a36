"""The producer, for asyncio."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from postings import Document, Settings
from postings_ingest.queue.job import Job
from postings_ingest.queue.producer import Producer


class AsyncProducer:
    """:class:`Producer`, for asyncio: the same methods, which run in a thread.

    Args:
        settings: as in :class:`Producer`.
        options: the other arguments of :class:`Producer`.

    Example:
        >>> async def queue(documents: list[Document]) -> None:
        ...     async with AsyncProducer() as producer:
        ...         for document in documents:
        ...             await producer.add(document)
    """

    def __init__(self, settings: Settings | None = None, **options: Any) -> None:
        self._producer = Producer(settings, **options)

    @property
    def job(self) -> Job:
        """Everything that this producer sends. Its methods block, so call them in a thread."""
        return self._producer.job

    async def add(self, document: Document) -> None:
        """Queue a document."""
        await asyncio.to_thread(self._producer.add, document)

    async def delete(self, id: str, version: int | None = None, *, tenant: str | None = None) -> None:
        """Queue a delete."""
        await asyncio.to_thread(self._producer.delete, id, version, tenant=tenant)

    async def flush(self) -> Job:
        """Send what was added, and return the job."""
        return await asyncio.to_thread(self._producer.flush)

    async def close(self) -> None:
        """Send what was added, and stop."""
        await asyncio.to_thread(self._producer.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        await asyncio.to_thread(self._producer.__exit__, kind, *exc_info)
