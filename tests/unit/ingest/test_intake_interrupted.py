"""Ctrl-C once, twice and three times: the batch is finished, given up, or left behind."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from postings import Document
from postings_ingest.intake import Check, GivenUp, Intake
from tests.support.intake import SAFETY, documents, every_moment

pytestmark = pytest.mark.usefixtures("no_thread_is_left")


def until_it_waits(thread: int) -> None:
    """Until a thread waits for the work to end."""
    for _ in every_moment():
        if sys._current_frames()[thread].f_code.co_name == "wait":
            return


def until_given_up(check: Check) -> None:
    """Until the work is told to give up."""
    for _ in every_moment():
        try:
            check()
        except GivenUp:
            return


def test_after_ctrl_c_the_batch_in_flight_is_finished_and_no_other_begun() -> None:
    begun, interrupted, closed = threading.Event(), threading.Event(), threading.Event()
    finished: list[int] = []

    def source() -> Iterator[Document]:
        try:
            yield from documents(1)
            assert begun.wait(SAFETY)
            yield from documents(50)
            signal.raise_signal(signal.SIGINT)
            yield from documents(10**9)
        finally:
            interrupted.set()
            closed.set()

    def work(batch: list[Document], check: Check) -> float:
        begun.set()
        assert interrupted.wait(SAFETY)
        check()
        finished.append(len(batch))
        return 1e-3

    with pytest.raises(KeyboardInterrupt):
        Intake(work).run(source())
    assert closed.is_set()
    assert finished == [1]


def test_a_second_ctrl_c_gives_up_the_batch_in_flight() -> None:
    main = threading.main_thread().ident or 0
    begun, interrupted, given_up = threading.Event(), threading.Event(), threading.Event()

    def source() -> Iterator[Document]:
        try:
            yield from documents(1)
            assert begun.wait(SAFETY)
            signal.raise_signal(signal.SIGINT)
            yield from documents(10**9)
        finally:
            interrupted.set()

    def work(batch: list[Document], check: Check) -> float:
        begun.set()
        assert interrupted.wait(SAFETY)
        until_it_waits(main)
        check()
        signal.pthread_kill(main, signal.SIGINT)
        until_given_up(check)
        given_up.set()
        check()
        return 1e-3

    with pytest.raises(KeyboardInterrupt):
        Intake(work).run(source())
    assert given_up.is_set()


def test_a_third_ctrl_c_ends_the_run_although_the_work_goes_on() -> None:
    main = threading.main_thread().ident or 0
    begun, interrupted, ended, outlived = (threading.Event() for _ in range(4))

    def source() -> Iterator[Document]:
        try:
            yield from documents(1)
            assert begun.wait(SAFETY)
            signal.raise_signal(signal.SIGINT)
        finally:
            interrupted.set()

    def work(batch: list[Document], check: Check) -> float:
        begun.set()
        assert interrupted.wait(SAFETY)
        until_it_waits(main)
        signal.pthread_kill(main, signal.SIGINT)
        until_given_up(check)
        signal.pthread_kill(main, signal.SIGINT)
        if ended.wait(SAFETY):
            outlived.set()
        return 1e-3

    with pytest.raises(KeyboardInterrupt):
        Intake(work).run(source())
    ended.set()
    assert outlived.wait(SAFETY)
    for thread in threading.enumerate():
        if thread.name == "postings-intake":
            thread.join(SAFETY)
