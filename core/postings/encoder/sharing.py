"""Concurrent callers share a pass over the model."""

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

from postings.encoder.activations import Activations, Integers
from postings.encoder.heap import Heap
from postings.encoder.route import Prepared, Route

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


@dataclass(slots=True)
class Work:
    """What an encoder has done so far.

    Attributes:
        passes: over the model.
        tokens: encoded in them, without padding; the characters of models that sentence-transformers runs.
        seconds: that they took.
        halvings: how often a pass ran out of memory.
    """

    passes: int = 0
    tokens: int = 0
    seconds: float = 0.0
    halvings: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.passes + other.passes,
            self.tokens + other.tokens,
            self.seconds + other.seconds,
            self.halvings + other.halvings,
        )


class SharedPasses:
    """Runs a route's passes one at a time, each for as many callers as fit.

    While a pass runs, callers queue. The next of them to get the model runs a pass for the first in the queue and
    all others that fit with it: nobody waits for company, and nobody waits longer than for the passes of those who
    came before. (Databases call it group commit.)

    A pass that runs out of memory is done again in halves, and the size that fits is remembered.

    Args:
        route: whose passes to run.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        self.work = Work()
        self._heap = Heap()
        self._waiting: deque[_Request] = deque()
        self._running = False
        self._changed = threading.Condition()

    def encode(self, texts: Sequence[Prepared], *, positions: bool) -> list[Activations]:
        """Encode a batch, alone or with those of other callers.

        Raises:
            MemoryError: not even one text fits.
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
        """What the route's ``positions`` gives, ``None`` for each text where it gives nothing.

        Raises:
            MemoryError: not even one text fits.
        """

        def run(part: Sequence[tuple[Prepared, Integers]]) -> list[Integers | None]:
            found = self.route.positions([text for text, _ in part], [wanted for _, wanted in part])
            return list(found) if found is not None else [None] * len(part)

        with self.turn():
            return self._pass(list(zip(texts, entries, strict=True)), run)

    @contextmanager
    def turn(self, unless: _Request | None = None) -> Iterator[None]:
        """Wait for the model, or until somebody else has served the request."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running or (unless is not None and unless.done))
            if waits := not (unless is not None and unless.done):
                self._running = True
        try:
            yield
        finally:
            if waits:
                with self._changed:
                    self._running = False
                    self._changed.notify_all()

    def _next(self) -> list[_Request]:
        """The first in the queue, and those behind it that fit into its pass. They stay there until they are done."""
        with self._changed:
            self._waiting = deque(request for request in self._waiting if not request.done)
            first = self._waiting[0]
            taken, count, longest = [first], len(first.texts), max(map(len, first.texts))
            for request in itertools.islice(self._waiting, 1, None):
                length = max(longest, *map(len, request.texts))
                size = (count + len(request.texts)) * length
                if size <= self.route.pass_size and request.positions == first.positions:
                    taken.append(request)
                    count, longest = count + len(request.texts), length
        return taken

    def _serve(self, requests: list[_Request]) -> None:
        texts = [text for request in requests for text in request.texts]
        positions = requests[0].positions
        try:
            found = iter(self._pass(texts, lambda part: self._timed(part, positions=positions)))
        except Exception as error:
            if len(requests) == 1:
                requests[0].error, requests[0].done = error, True
                return
            # One caller's text isn't another's error.
            for request in requests:
                self._serve([request])
        else:
            for request in requests:
                request.found, request.done = [next(found) for _ in request.texts], True

    def _pass(self, items: Sequence[T], run: Callable[[Sequence[T]], list[R]]) -> list[R]:
        """One pass, or several if it doesn't fit in memory."""
        size = len(items) * max(map(_length, items))
        # A batch may have been made before a smaller size was remembered.
        if len(items) == 1 or size <= self.route.pass_size:
            try:
                return run(items)
            except MemoryError:
                if len(items) == 1:
                    raise
            self.route.pass_size = max(size // 2, 1)
            self.work.halvings += 1
            log.warning("a pass of %d tokens ran out of memory: passes hold %d from now on", size, self.route.pass_size)
        middle = len(items) // 2
        return [*self._pass(items[:middle], run), *self._pass(items[middle:], run)]

    def _timed(self, texts: Sequence[Prepared], *, positions: bool) -> list[Activations]:
        began = time.perf_counter()
        found = self.route.encode(texts, positions=positions)
        tokens = sum(map(len, texts))
        self.work.passes += 1
        self.work.tokens += tokens
        self.work.seconds += time.perf_counter() - began
        self._heap.note(tokens)
        return found


def _length(item: Any) -> int:
    """Of a text, or of one that comes with its entries."""
    return len(item[0] if isinstance(item, tuple) else item)
