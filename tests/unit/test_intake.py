"""Reading while working: nothing waits that needn't, and nothing is left behind."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from postings import Document
from postings.errors import InvalidDocument
from postings_ingest.intake import Check, GivenUp, Intake

SAFETY = 60
"""Seconds after which a test that hangs fails."""


def documents(count: int) -> Iterator[Document]:
    return (Document(str(number), "text") for number in range(count))


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "postings-intake"] == []


def every_moment() -> Iterator[None]:
    """Again and again, until what doesn't come must fail the test."""
    until = time.monotonic() + SAFETY
    while time.monotonic() < until:
        yield
        time.sleep(1e-3)
    raise AssertionError("it didn't come")


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


class Worked:
    """Remembers the batches."""

    def __init__(self, seconds: float = 1e-3) -> None:
        self.batches: list[list[str]] = []
        self.seconds = seconds
        self.some = threading.Event()

    def __call__(self, batch: list[Document], check: Check) -> float:
        self.batches.append([document.id for document in batch])
        self.some.set()
        return self.seconds

    @property
    def ids(self) -> list[str]:
        return [id for batch in self.batches for id in batch]


def test_all_documents_are_worked_on_once_in_order() -> None:
    worked = Worked()
    Intake(worked).run(documents(1000))
    assert worked.ids == [str(number) for number in range(1000)]
    nothing = Worked()
    Intake(nothing).run([])
    assert nothing.batches == []


def test_a_document_is_worked_on_while_its_source_waits_for_the_next() -> None:
    worked = Worked()

    def slow() -> Iterator[Document]:
        for document in documents(3):
            yield document
            assert worked.some.wait(SAFETY)
            worked.some.clear()

    Intake(worked).run(slow())
    assert worked.batches == [["0"], ["1"], ["2"]]


def test_a_source_is_read_no_further_than_a_batch_ahead() -> None:
    read = 0
    farthest = threading.Event()

    def endless() -> Iterator[Document]:
        nonlocal read
        while True:
            read += 1
            if read == 250:
                farthest.set()
            yield Document(str(read), "text")

    def work(batch: list[Document], check: Check) -> float:
        assert farthest.wait(SAFETY)
        raise RuntimeError("the work failed")

    with pytest.raises(RuntimeError, match="the work failed"):
        Intake(work).run(endless())
    assert read <= 4 + 256 + 1


def sizes_of_batches(seconds: float, text: str = "text") -> list[int]:
    """The batches of a work that says that each took so long, when the next documents are always there."""
    read, sizes, done = 0, [], 0
    ahead = threading.Condition()

    def source() -> Iterator[Document]:
        nonlocal read
        for _ in range(1500):
            yield Document("x", text)
            with ahead:
                read += 1
                ahead.notify_all()
        with ahead:
            read = sys.maxsize
            ahead.notify_all()

    def work(batch: list[Document], check: Check) -> float:
        nonlocal done
        done += len(batch)
        sizes.append(len(batch))
        with ahead:
            # Asked for the next document, the source has passed the one before on.
            assert ahead.wait_for(lambda: read >= min(done + 200, 1500), SAFETY)
        return seconds

    Intake(work).run(source())
    return sizes


def test_fast_batches_grow_to_the_largest_and_slow_ones_shrink_to_a_document() -> None:
    growing = sizes_of_batches(1e-3)
    assert growing[1:3] == [16, 64]
    assert all(200 <= size <= 256 for size in growing[3:7])
    assert set(sizes_of_batches(1000.0)[1:]) == {1}


def test_a_failing_source_loses_nothing_that_it_gave() -> None:
    worked = Worked()

    def failing() -> Iterator[Document]:
        yield from documents(300)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        Intake(worked).run(failing())
    assert len(worked.ids) == 300


def test_work_that_fails_ends_the_run_and_closes_the_source() -> None:
    closed = threading.Event()

    def endless() -> Iterator[Document]:
        try:
            while True:
                yield Document("x", "text")
        finally:
            closed.set()

    def fail(batch: list[Document], check: Check) -> float:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Intake(fail).run(endless())
    assert closed.is_set()


def test_after_ctrl_c_the_batch_in_hand_is_finished_and_no_other_begun() -> None:
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


def test_a_second_ctrl_c_gives_up_the_batch_in_hand() -> None:
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


def fail(batch: list[Document], check: Check) -> float:
    raise ValueError("the disk is full")


def test_work_that_fails_ends_a_source_that_waits() -> None:
    never, closed = threading.Event(), threading.Event()

    def source() -> Iterator[Document]:
        try:
            yield from documents(1)
            assert never.wait(SAFETY), "nobody ended the wait"
        finally:
            closed.set()

    with pytest.raises(ValueError, match="the disk is full"):
        Intake(fail).run(source())
    assert closed.is_set()


def test_work_that_fails_is_logged_at_once_where_the_source_cannot_be_ended(caplog: pytest.LogCaptureFixture) -> None:
    def source() -> Iterator[Document]:
        yield from documents(1)
        for _ in every_moment():
            if "ValueError('the disk is full')" in caplog.text:
                break
        yield from documents(1)

    raised: list[str] = []

    def run() -> None:
        try:
            Intake(fail).run(source())
        except ValueError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(2 * SAFETY)
    assert raised == ["the disk is full"]


def test_what_gives_no_documents_is_refused() -> None:
    for nonsense in (7, None):
        with pytest.raises(InvalidDocument, match="must be an iterable"):
            Intake(Worked()).run(nonsense)  # type: ignore[arg-type]
    worked = Worked()
    with pytest.raises(InvalidDocument, match="must hold Document, got str"):
        Intake(worked).run([Document("a", "text"), "text"])  # type: ignore[list-item]
    assert worked.ids == ["a"]
