from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from postings_ingest.worker.exclusive import SharedExclusiveLock
from tests.support.worker import until


class Visitor:
    """A thread that takes a turn, and leaves when it is told."""

    def __init__(self, lock: SharedExclusiveLock, *, alone: bool) -> None:
        self.inside = threading.Event()
        self.leave = threading.Event()
        self.thread = threading.Thread(target=self._visit, args=(lock, alone), daemon=True)
        self.thread.start()

    def _visit(self, lock: SharedExclusiveLock, alone: bool) -> None:
        with lock.hold(exclusive=alone):
            self.inside.set()
            self.leave.wait()

    def go(self) -> None:
        self.leave.set()
        self.thread.join(10)


@pytest.fixture
def leaving() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def visit(lock: SharedExclusiveLock, leaving: ExitStack, *, alone: bool = False) -> Visitor:
    visitor = Visitor(lock, alone=alone)
    leaving.callback(visitor.leave.set)
    return visitor


def test_many_may_be_inside_at_once(leaving: ExitStack) -> None:
    lock = SharedExclusiveLock()
    for visitor in [visit(lock, leaving) for _ in range(3)]:
        assert visitor.inside.wait(10)


def test_whoever_wants_to_be_alone_waits_until_the_others_left_and_keeps_newcomers_out(leaving: ExitStack) -> None:
    lock = SharedExclusiveLock()
    first = visit(lock, leaving)
    assert first.inside.wait(10)
    alone = visit(lock, leaving, alone=True)
    until(lambda: lock._waiting_exclusive == 1, "it doesn't wait")
    newcomer = visit(lock, leaving)
    assert not alone.inside.is_set()
    assert not newcomer.inside.is_set()
    first.go()
    assert alone.inside.wait(10)
    assert not newcomer.inside.is_set()
    alone.go()
    assert newcomer.inside.wait(10)


def test_two_who_want_to_be_alone_come_one_after_the_other(leaving: ExitStack) -> None:
    lock = SharedExclusiveLock()
    pair = [visit(lock, leaving, alone=True) for _ in range(2)]
    until(lambda: any(each.inside.is_set() for each in pair), "nobody is inside")
    until(lambda: lock._waiting_exclusive == 1, "nobody waits")
    assert [each.inside.is_set() for each in pair].count(True) == 1
    for each in sorted(pair, key=lambda each: not each.inside.is_set()):
        assert each.inside.wait(10)
        each.go()


def test_an_error_inside_ends_the_turn(leaving: ExitStack) -> None:
    lock = SharedExclusiveLock()
    with pytest.raises(ZeroDivisionError), lock.hold(exclusive=True):
        1 / 0  # noqa: B018
    assert visit(lock, leaving, alone=True).inside.wait(10)
