from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from postings_ingest.worker.turns import Turns
from tests.support.worker import until


class Visitor:
    """A thread that takes a turn, and leaves when it is told."""

    def __init__(self, turns: Turns, *, alone: bool) -> None:
        self.inside = threading.Event()
        self.leave = threading.Event()
        self.thread = threading.Thread(target=self._visit, args=(turns, alone), daemon=True)
        self.thread.start()

    def _visit(self, turns: Turns, alone: bool) -> None:
        with turns.take(alone=alone):
            self.inside.set()
            self.leave.wait()

    def go(self) -> None:
        self.leave.set()
        self.thread.join(10)


@pytest.fixture
def leaving() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def visit(turns: Turns, leaving: ExitStack, *, alone: bool = False) -> Visitor:
    visitor = Visitor(turns, alone=alone)
    leaving.callback(visitor.leave.set)
    return visitor


def test_many_may_be_inside_at_once(leaving: ExitStack) -> None:
    turns = Turns()
    for visitor in [visit(turns, leaving) for _ in range(3)]:
        assert visitor.inside.wait(10)


def test_whoever_wants_to_be_alone_waits_until_the_others_left_and_keeps_newcomers_out(leaving: ExitStack) -> None:
    turns = Turns()
    first = visit(turns, leaving)
    assert first.inside.wait(10)
    alone = visit(turns, leaving, alone=True)
    until(lambda: turns._waiting_alone == 1, "it doesn't wait")
    newcomer = visit(turns, leaving)
    assert not alone.inside.is_set()
    assert not newcomer.inside.is_set()
    first.go()
    assert alone.inside.wait(10)
    assert not newcomer.inside.is_set()
    alone.go()
    assert newcomer.inside.wait(10)


def test_two_who_want_to_be_alone_come_one_after_the_other(leaving: ExitStack) -> None:
    turns = Turns()
    pair = [visit(turns, leaving, alone=True) for _ in range(2)]
    until(lambda: any(each.inside.is_set() for each in pair), "nobody is inside")
    until(lambda: turns._waiting_alone == 1, "nobody waits")
    assert [each.inside.is_set() for each in pair].count(True) == 1
    for each in sorted(pair, key=lambda each: not each.inside.is_set()):
        assert each.inside.wait(10)
        each.go()


def test_an_error_inside_ends_the_turn(leaving: ExitStack) -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.take(alone=True):
        1 / 0  # noqa: B018
    assert visit(turns, leaving, alone=True).inside.wait(10)
