"""A source of documents, and work that remembers its batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from postings import Document
from postings_ingest.intake import Check

SAFETY = 60
"""Seconds after which a test that hangs fails."""


def documents(count: int) -> Iterator[Document]:
    return (Document(str(number), "text") for number in range(count))


def every_moment() -> Iterator[None]:
    """Again and again, until what doesn't come must fail the test."""
    until = time.monotonic() + SAFETY
    while time.monotonic() < until:
        yield
        time.sleep(1e-3)
    raise AssertionError("it didn't come")


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
