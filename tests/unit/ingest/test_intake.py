"""Documents are read while others are worked on: each once, in order, in batches as large as the work is fast."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from postings import Document
from postings_ingest.intake import Check, Intake
from tests.support.intake import SAFETY, Worked, documents

pytestmark = pytest.mark.usefixtures("no_thread_is_left")


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
