"""Runs writers step by step: each call to the index is a step, and a writer can die between any two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from postings import EdgeIndex, Index
from tests.support.examples import examples


def try_interleavings(machine: type[RuleBasedStateMachine], index: Index, number: int) -> None:
    """Run a state machine of writers to an index ``number`` times.

    The order of requests is that of the protocol on each engine, so the fastest makes most runs. What an engine does
    with a request shows in few.
    """
    number = examples(number if isinstance(index, EdgeIndex) else number // 5)
    run_state_machine_as_test(machine, settings=settings(max_examples=number, stateful_step_count=25, deadline=None))


class Writer:
    """Something that writes to an index, stopped before each call that it makes."""

    def __init__(self, index: Index, work: Callable[[Index], object]) -> None:
        stepped: Any = _SteppedIndex(index)
        self._thread = greenlet(lambda: work(stepped))
        self._thread.switch()

    @property
    def done(self) -> bool:
        """Whether the work is finished."""
        return bool(self._thread.dead)

    def step(self) -> None:
        """Make one call to the index."""
        self._thread.switch()

    def finish(self) -> None:
        """Make all calls that are left."""
        while not self.done:
            self.step()

    def crash(self) -> None:
        """Die before the next call."""
        self._thread.throw(GreenletExit)


class _SteppedIndex:
    def __init__(self, index: Index) -> None:
        self._index = index

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._index, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            getcurrent().parent.switch()  # type: ignore[union-attr]
            result = method(*args, **kwargs)
            return iter(list(result)) if name == "scroll" else result

        return call
