"""A source or the work fails: the run ends, and the source is closed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from postings import Document
from postings.errors import InvalidDocument
from postings_ingest.intake import Check, Intake
from tests.support.intake import SAFETY, Worked, documents, every_moment

pytestmark = pytest.mark.usefixtures("no_thread_is_left")


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
