"""The documents of a request, on their way to the queue."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from postings import Document
from postings.errors import BrokerUnavailable, InvalidDocument, PostingsError, QueueFull
from postings_ingest import Producer, Rejection
from postings_ingest.queue.open_queue import OpenQueue
from postings_serve.http.cancellation import Check
from postings_serve.http.problems import Problem, problem_of

T = TypeVar("T")

SHOWN = 20
"""Rejected records that an answer names."""

_AT_ONCE = 256
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


class Submission:
    """Queues the documents of one request, as one job, in their order.

    While the queue is full, nothing more is read, and no thread waits. A document counts as submitted when its batch
    was accepted.

    Args:
        queue: where the documents go.
        patience: seconds to wait while the queue is full, or Redis can't be reached.
        began: called in a thread when the first documents were accepted.
        check: called in a thread before each document and with each record that is rejected; what it raises ends it.
    """

    def __init__(
        self, queue: OpenQueue, patience: float, began: Callable[[], object], check: Check = lambda: None
    ) -> None:
        self._producer = Producer(queue=queue, linger=None, when_full="raise", timeout=0)
        self._secrets = queue.settings.secrets()
        self._patience = patience
        self._began = began
        self._check = check
        self._added = self.submitted = 0
        self._next: Document | None = None
        self._places: deque[int | None] = deque()
        self._rejected: list[dict[str, Any]] = []
        self._count = 0

    @property
    def unsent(self) -> int:
        """Documents that aren't accepted yet."""
        return len(self._places) + (self._next is not None)

    def reject(self, rejection: Rejection) -> None:
        """Count a record that can't be used."""
        self._check()
        self._count += 1
        if len(self._rejected) < SHOWN:
            self._rejected.append({"line": rejection.line, "reason": rejection.reason})

    async def add(self, documents: Iterator[Document]) -> None:
        """Queue documents, whose sources end with their place, such as ``:7``.

        Raises:
            QueueFull: the queue was full for as long as the patience lasts.
            BrokerUnavailable: Redis couldn't be reached for as long.
            PostingsError: the documents can't be read on.
        """
        while await self._patiently(self._add, documents):
            pass

    async def flush(self) -> None:
        """Queue what waits for a batch to be full.

        Raises:
            QueueFull: as :meth:`add`.
            BrokerUnavailable: as :meth:`add`.
        """
        await self._patiently(self._flush)

    def fields(self) -> dict[str, Any]:
        """What an answer says."""
        return {
            **({"job": self._producer.job.id} if self.submitted else {}),
            "submitted": self.submitted,
            "rejected": self._rejected,
            "rejected_count": self._count,
        }

    def problem(self, error: PostingsError | Problem) -> Problem:
        """The problem that ends the request, with what was accepted, and the place of the first that wasn't."""
        found = error if isinstance(error, Problem) else problem_of(error, self._secrets)
        place = self._places[0] if self._places else _place(self._next)
        more = {**self.fields(), **({} if place is None else {"next": place}), **found.more}
        return Problem(found.status, found.error, found.detail, headers=found.headers, **more)

    def nothing(self) -> Problem | None:
        """The problem of a request that had no document that can be used."""
        if self.submitted:
            return None
        detail = "the body has no document"
        if self._count:
            detail = f"none of {self._count:,} records can be used; the first: {self._rejected[0]['reason']}"
        return Problem(400, "no-documents", detail, **self.fields())

    async def _patiently(self, step: Callable[..., T], *arguments: object) -> T:
        began, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            before = self.submitted
            try:
                return await asyncio.to_thread(step, *arguments)
            except (QueueFull, BrokerUnavailable):
                if self.submitted > before:
                    began, pause = time.monotonic(), _FIRST_PAUSE
                if time.monotonic() - began >= self._patience:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _add(self, documents: Iterator[Document]) -> bool:
        """Add some; returns whether there may be more."""
        try:
            for _ in range(_AT_ONCE):
                self._check()
                if self._next is None and (found := next(documents, None)) is not None:
                    self._next = found
                if self._next is None:
                    return False
                try:
                    self._producer.add(self._next)
                except InvalidDocument as error:  # another tenant's
                    self.reject(Rejection.of("", _place(self._next) or 0, error, ""))
                else:
                    self._added += 1
                    self._places.append(_place(self._next))
                self._next = None
            return True
        finally:
            self._look()

    def _flush(self) -> None:
        try:
            self._producer.flush()
        finally:
            self._look()

    def _look(self) -> None:
        """Note what has been accepted."""
        waiting = self._producer.unsent
        while len(self._places) > waiting:
            self._places.popleft()
        first, self.submitted = not self.submitted, self._added - waiting
        if first and self.submitted:
            self._began()


def _place(document: Document | None) -> int | None:
    """The number at the end of a document's source."""
    number = ((document and document.source) or "").rpartition(":")[2]
    return int(number) if number.isdecimal() else None
