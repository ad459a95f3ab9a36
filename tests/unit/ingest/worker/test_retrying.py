from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from postings.errors import (
    AccessDenied,
    BrokerUnavailable,
    IndexRejected,
    IndexUnavailable,
    InvalidDocument,
    PostingsError,
)
from postings_ingest.worker.retrying import Retrier, Stopping


def failing(*errors: BaseException) -> Callable[[], str]:
    """Raise each error once, then succeed."""
    left = list(errors)

    def attempt() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return attempt


def test_what_may_pass_is_tried_again_and_its_trouble_told_meanwhile() -> None:
    retrier = Retrier(threading.Event())
    assert retrier.call(failing(IndexUnavailable("away"), AccessDenied("wrong key"))) == "done"
    assert retrier.troubles == {}


def test_the_trouble_is_told_while_it_lasts() -> None:
    retrier = Retrier(threading.Event())
    told: list[str] = []
    fails = failing(IndexUnavailable("away"))

    def attempt() -> None:
        told.extend(retrier.troubles.values())
        fails()

    retrier.call(attempt)
    assert told == ["away"]


@pytest.mark.parametrize("error", [IndexRejected("no"), InvalidDocument("no"), ZeroDivisionError()])
def test_what_a_document_is_to_blame_for_is_raised_at_once(error: Exception) -> None:
    with pytest.raises(type(error)):
        Retrier(threading.Event()).call(failing(error))


@pytest.mark.parametrize("error", [AccessDenied("wrong key"), IndexRejected("no")])
def test_a_start_doesnt_wait_for_what_an_operator_has_to_fix(error: PostingsError) -> None:
    retrier = Retrier(threading.Event())
    with pytest.raises(type(error)):
        retrier.call_at_start(failing(error))
    assert retrier.call_at_start(failing(IndexUnavailable("away"))) == "done"


class Overtaken(Exception):
    """No error of the tree."""


@pytest.mark.parametrize("error", [Overtaken(), InvalidDocument("no"), KeyboardInterrupt(), SystemExit()])
def test_a_trouble_ends_with_the_call_however_that_ends(error: BaseException) -> None:
    retrier = Retrier(threading.Event())
    with pytest.raises(type(error)):
        retrier.call(failing(BrokerUnavailable("Redis is away"), error))
    assert retrier.troubles == {}
    assert retrier.pausing == set()


def test_a_trouble_ends_when_the_worker_is_asked_to_stop_meanwhile() -> None:
    stopping = threading.Event()
    retrier = Retrier(stopping)

    def attempt() -> None:
        stopping.set()
        raise IndexUnavailable("away")

    with pytest.raises(Stopping):
        retrier.call(attempt)
    assert retrier.troubles == {}


def test_a_wait_inside_another_leaves_the_outer_trouble_alone() -> None:
    retrier = Retrier(threading.Event())
    told: list[dict[int, str]] = []
    outer = failing(IndexUnavailable("the index is away"))
    inner = failing(BrokerUnavailable("Redis is away"))

    def attempt() -> None:
        if retrier.troubles:  # the second time
            retrier.call(inner)
        told.append(retrier.troubles.copy())
        outer()

    retrier.call(attempt)
    assert [list(troubles.values()) for troubles in told] == [[], ["the index is away"]]
    assert retrier.troubles == {}


def test_only_a_thread_between_two_attempts_is_taken_for_waiting() -> None:
    retrier = Retrier(threading.Event())
    seen: list[tuple[set[int], int]] = []
    fails = failing(IndexUnavailable("away"))

    def attempt() -> None:
        seen.append((retrier.pausing.copy(), retrier.tries[threading.get_ident()]))
        fails()

    retrier.call(attempt)
    assert seen == [(set(), 1), (set(), 2)]  # one that hangs in its second attempt is no longer let off


def test_who_is_asked_to_stop_tries_once_and_waits_no_more() -> None:
    stopping = threading.Event()
    stopping.set()
    retrier = Retrier(stopping)
    assert retrier.call(failing()) == "done"
    with pytest.raises(Stopping) as caught:
        retrier.call(failing(IndexUnavailable("away")))
    assert isinstance(caught.value.__cause__, IndexUnavailable)
