"""Passes over the model, shared by concurrent callers."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from postings.encoder.passes.malloc_trim import MallocTrim
from postings.encoder.passes.work import Work
from postings.encoder.routes.activations import Activations, Integers
from postings.encoder.routes.protocol import Prepared, Route

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


@dataclass(eq=False, slots=True)
class _Request:
    texts: Sequence[Prepared]
    positions: bool
    found: list[Activations] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False


class SharedPasses:
    """Runs a route's passes one at a time, each for as many callers as fit in it.

    While a pass runs, callers queue. The caller that gets the model next runs a pass for the first request in the
    queue and for all others that fit in the same pass. No caller waits for others to arrive, or longer than for the
    requests before its own. (Databases call this group commit.)

    A pass that runs out of memory is repeated in halves, and later passes keep to the size that fits.

    Args:
        route: encodes the passes.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        self.work = Work()
        self._trim = MallocTrim()
        self._waiting: deque[_Request] = deque()
        self._running = False
        self._changed = threading.Condition()

    def encode(self, texts: Sequence[Prepared], *, positions: bool) -> list[Activations]:
        """Encode a batch, alone or together with those of other callers.

        Raises:
            MemoryError: not even one text fits in memory.
        """
        if self.route.concurrent:
            return self._timed(texts, positions=positions)
        request = _Request(texts, positions)
        with self._changed:
            self._waiting.append(request)
        while not request.done:
            with self.turn(unless=request):
                if not request.done:
                    self._serve(self._next())
        if request.error is not None:
            raise request.error
        return request.found

    def positions(self, texts: Sequence[Prepared], entries: Sequence[Integers]) -> Sequence[Integers | None]:
        """Call the route's ``positions``; for each text ``None`` if the route knows none.

        Raises:
            MemoryError: not even one text fits in memory.
        """

        def run(part: Sequence[tuple[Prepared, Integers]]) -> list[Integers | None]:
            found = self.route.positions([text for text, _ in part], [wanted for _, wanted in part])
            return list(found) if found is not None else [None] * len(part)

        with self.turn():
            return self._pass(list(zip(texts, entries, strict=True)), run)

    @contextmanager
    def turn(self, unless: _Request | None = None) -> Iterator[None]:
        """Wait for the model, or until another caller has served the request."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running or (unless is not None and unless.done))
            if has_model := not (unless is not None and unless.done):
                self._running = True
        try:
            yield
        finally:
            if has_model:
                with self._changed:
                    self._running = False
                    self._changed.notify_all()

    def _next(self) -> list[_Request]:
        """The first request in the queue, and others that fit in its pass; they stay queued until they are done."""
        with self._changed:
            self._waiting = deque(request for request in self._waiting if not request.done)
            first = self._waiting[0]
            chosen, count, longest = [first], len(first.texts), max(map(len, first.texts))
            for request in itertools.islice(self._waiting, 1, None):
                length = max(longest, *map(len, request.texts))
                size = (count + len(request.texts)) * length
                if size <= self.route.pass_size and request.positions == first.positions:
                    chosen.append(request)
                    count, longest = count + len(request.texts), length
        return chosen

    def _serve(self, requests: list[_Request]) -> None:
        texts = [text for request in requests for text in request.texts]
        positions = requests[0].positions
        try:
            found = iter(self._pass(texts, lambda part: self._timed(part, positions=positions)))
        except Exception as error:
            if len(requests) == 1:
                requests[0].error, requests[0].done = error, True
                return
            # An error may come from one caller's text: the others must not get it.
            for request in requests:
                self._serve([request])
        else:
            for request in requests:
                request.found, request.done = [next(found) for _ in request.texts], True

    def _pass(self, items: Sequence[T], run: Callable[[Sequence[T]], list[R]]) -> list[R]:
        """Run one pass, or several if one doesn't fit in memory."""
        size = len(items) * max(map(_length, items))
        # A batch may be older than the present limit.
        if len(items) == 1 or size <= self.route.pass_size:
            try:
                return run(items)
            except MemoryError:
                if len(items) == 1:
                    raise
            self.route.pass_size = max(size // 2, 1)
            self.work.halvings += 1
            log.warning(
                "a pass of %d tokens ran out of memory; from now on, passes have at most %d", size, self.route.pass_size
            )
        middle = len(items) // 2
        return [*self._pass(items[:middle], run), *self._pass(items[middle:], run)]

    def _timed(self, texts: Sequence[Prepared], *, positions: bool) -> list[Activations]:
        began = time.perf_counter()
        found = self.route.encode(texts, positions=positions)
        tokens = sum(map(len, texts))
        self.work.passes += 1
        self.work.tokens += tokens
        self.work.seconds += time.perf_counter() - began
        self._trim.after_pass(tokens)
        return found


def _length(item: Any) -> int:
    """The length of a text, or of the text in a pair of text and entries."""
    return len(item[0] if isinstance(item, tuple) else item)
