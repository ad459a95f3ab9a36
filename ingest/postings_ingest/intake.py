"""Reading and working at the same time: documents are read while those before them are encoded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from typing import TypeAlias

from postings import Document
from postings.errors import InvalidDocument
from postings_ingest.operations import CHARACTERS, DOCUMENTS

_FIRST_SHARE = 1 / 64
_GROWTH = 4
_SECONDS = 1.0
_LINGER = 0.25
_PATIENCE = 0.2

Check: TypeAlias = Callable[[], None]
Work: TypeAlias = Callable[[list[Document], Check], float]


class GivenUp(Exception):
    """The run was interrupted a second time."""


class Intake:
    """Carries documents from a source to the work that is done on them, a batch at a time.

    The source is read in the caller's thread: it may wait for ever, and only there can Ctrl-C end that. The work is
    done in a second thread, which ends before :meth:`run` does. A batch is what a second's work is thought to be, from
    the time that the last one took, and at most 256 documents or half a million characters and one document more. From
    a slow source comes whatever there is a quarter of a second after the first.

    Args:
        work: called with each batch, and with a check to call now and then, which raises when all is given up; returns
            the seconds that were spent in proportion to the batch.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._waiting: list[Document] = []
        self._amount = 0.0
        self._due = 0.0
        self._share = _FIRST_SHARE
        self._ended = self._stopped = self._given_up = False
        self._error: BaseException | None = None
        self._done = threading.Event()

    def run(self, documents: Iterable[Document]) -> None:
        """Work on all documents.

        If the source fails, what it gave is worked on before its error is raised. After a Ctrl-C the batch in flight is
        finished, after a second not even that.

        Raises:
            InvalidDocument: the source gives something else than documents.
        """
        # A daemon, so that it can't keep the process alive should Ctrl-C come between two lines of this method.
        thread = threading.Thread(target=copy_context().run, args=(self._work_on,), name="postings-intake", daemon=True)
        thread.start()
        failure: BaseException | None = None
        try:
            self._read(documents)
        except BaseException as error:
            failure = error
        self._end(stop=failure is not None and not isinstance(failure, Exception))
        while not self._done.is_set():
            try:
                # Not join: in Python 3.11 one that is interrupted takes the thread for ended. And not without a limit:
                # Ctrl-C just before a wait is noticed after it.
                self._done.wait(_PATIENCE)
            except KeyboardInterrupt as interrupt:
                self._end(stop=True, give_up=isinstance(failure, KeyboardInterrupt))
                failure = interrupt
        thread.join()
        if (wrong := self._error or failure) is not None:
            raise wrong

    def _read(self, documents: Iterable[Document]) -> None:
        try:
            source: Iterator[Document] = iter(documents)
        except TypeError:
            raise InvalidDocument(f"documents must be an iterable of them, got {type(documents).__name__}") from None
        try:
            for document in source:
                if not isinstance(document, Document):
                    raise InvalidDocument(f"documents must hold Document, got {type(document).__name__}")
                if not self._put(document):
                    return
        finally:
            if isinstance(source, Generator):
                source.close()

    def _put(self, document: Document) -> bool:
        """Add a document, when there is room; returns whether the work goes on."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._amount < 1)
            if not self._waiting:
                self._due = time.monotonic() + _LINGER
            self._waiting.append(document)
            before, self._amount = self._amount, self._amount + _amount(document)
            if not before or self._amount >= self._share:
                self._changed.notify_all()
            return not self._stopped

    def _end(self, *, stop: bool, give_up: bool = False) -> None:
        with self._changed:
            self._ended = True
            self._stopped |= stop
            self._given_up |= give_up
            self._changed.notify_all()

    def _work_on(self) -> None:
        try:
            while batch := self._take():
                amount = sum(map(_amount, batch))
                seconds = self._work(batch, self._check)
                self._share = min(max(amount / max(seconds, 1e-6) * _SECONDS, 1 / DOCUMENTS), _GROWTH * self._share, 1)
        except GivenUp:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._end(stop=True)
            self._done.set()

    def _take(self) -> list[Document]:
        """The next batch; none if there is no other."""
        with self._changed:
            while not self._stopped:
                left = self._due - time.monotonic() if self._waiting else None
                if self._ended or self._amount >= self._share or (left is not None and left <= 0):
                    break
                self._changed.wait(left)
            batch: list[Document] = []
            amount = 0.0
            for document in [] if self._stopped else self._waiting:
                batch.append(document)
                amount += _amount(document)
                if amount >= self._share:
                    break
            del self._waiting[: len(batch)]
            self._amount = sum(map(_amount, self._waiting))
            self._changed.notify_all()
            return batch

    def _check(self) -> None:
        if self._given_up:
            raise GivenUp


def _amount(document: Document) -> float:
    """The part that a document is of the largest batch."""
    return max(1 / DOCUMENTS, len(document.text) / CHARACTERS)
