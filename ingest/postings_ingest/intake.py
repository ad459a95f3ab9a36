"""Reading and working at the same time: documents are read while earlier ones are encoded and written."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from typing import TypeAlias

from postings import Document
from postings.errors import InvalidDocument
from postings_ingest.operations import DOCUMENTS, weight

_log = logging.getLogger(__name__)

_FIRST_SHARE = 1 / 64
_GROWTH = 4
_SECONDS = 1.5
_LINGER = 0.25
_WAIT_SECONDS = 0.2

Check: TypeAlias = Callable[[], None]
BatchWork: TypeAlias = Callable[[list[Document], Check], float]


class GivenUp(Exception):
    """Ctrl-C came a second time: the batch in flight isn't finished."""


class Intake:
    """Reads documents from a source, and passes them to the work in batches.

    The source is read in the caller's thread, because only there can Ctrl-C end a read that waits forever. The work is
    done in a second thread, which ends before :meth:`run` does, unless Ctrl-C comes three times. A batch takes about
    1.5 s of work, judged by the last one, and has at most 256 documents, or half a million characters and one document
    more. If the source is slow, a batch is taken a quarter of a second after its first document.

    Args:
        work: called with each batch, and with a function to call now and then, which raises :class:`GivenUp` after a
            second Ctrl-C. Returns the seconds that depend on the size of the batch.
    """

    def __init__(self, work: BatchWork) -> None:
        self._work = work
        # We lock this, not the condition: Ctrl-C in the condition's own `__enter__` would leave it locked.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._waiting: list[Document] = []
        self._amount = 0.0
        self._due = 0.0
        self._share = _FIRST_SHARE
        self._ended = self._stopped = self._given_up = False
        self._asking = True
        self._interruptible = False
        self._error: BaseException | None = None
        self._done = threading.Event()

    def run(self, documents: Iterable[Document]) -> None:
        """Work on all documents.

        If the source fails, the documents that it gave are worked on before its error is raised. If the work fails in
        the main thread, its error is raised at once, even while the source waits. In another thread, or if the program
        handles Ctrl-C itself, the error is logged at once, and raised when the source gives the next document.

        After Ctrl-C the batch in flight is finished. A second Ctrl-C gives it up, and a third ends the run at once.

        Raises:
            InvalidDocument: the source isn't iterable, or gives something other than documents.
        """
        self._interruptible = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        try:
            self._run(documents)
        except KeyboardInterrupt:
            if self._error is None:
                raise
        if self._error is not None:
            raise self._error

    def _run(self, documents: Iterable[Document]) -> None:
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
                # Not join: in Python 3.11, one that is interrupted takes the thread for ended. And not without a limit:
                # Ctrl-C just before a wait is noticed only after it.
                self._done.wait(_WAIT_SECONDS)
            except KeyboardInterrupt as interrupt:
                if self._given_up:
                    raise
                self._end(stop=True, give_up=isinstance(failure, KeyboardInterrupt))
                failure = interrupt
        thread.join()
        if failure is not None and self._error is None:
            raise failure

    def _read(self, documents: Iterable[Document]) -> None:
        try:
            source: Iterator[Document] = iter(documents)
        except TypeError:
            raise InvalidDocument(f"documents must be an iterable, got {type(documents).__name__}") from None
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
        """Add a document once there is room; returns whether the work goes on."""
        with self._lock:
            self._asking = False
            self._changed.wait_for(lambda: self._stopped or self._amount < 1)
            if not self._waiting:
                self._due = time.monotonic() + _LINGER
            self._waiting.append(document)
            before, self._amount = self._amount, self._amount + weight(document)
            if not before or self._amount >= self._share:
                self._changed.notify_all()
            self._asking = not self._stopped
            return self._asking

    def _end(self, *, stop: bool, give_up: bool = False) -> None:
        with self._lock:
            self._ended = True
            self._stopped |= stop
            self._given_up |= give_up
            self._changed.notify_all()

    def _work_on(self) -> None:
        try:
            while batch := self._take():
                amount = sum(map(weight, batch))
                seconds = self._work(batch, self._check)
                self._share = min(max(amount / max(seconds, 1e-6) * _SECONDS, 1 / DOCUMENTS), _GROWTH * self._share, 1)
        except GivenUp:
            pass
        except BaseException as error:
            self._fail(error)
        finally:
            self._end(stop=True)
            self._done.set()

    def _fail(self, error: BaseException) -> None:
        """Keep an error, and interrupt the source if it waits."""
        with self._lock:
            self._error = error
            if not self._asking or self._ended:
                return
            if self._interruptible:
                # A real signal: `_thread.interrupt_main` doesn't end a read that waits.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            else:
                _log.error("the run failed, and ends when its source gives the next document: %r", error)

    def _take(self) -> list[Document]:
        """Wait for the next batch; an empty one means that there are no more."""
        with self._lock:
            while not self._stopped:
                left = self._due - time.monotonic() if self._waiting else None
                if self._ended or self._amount >= self._share or (left is not None and left <= 0):
                    break
                self._changed.wait(left)
            batch: list[Document] = []
            amount = 0.0
            for document in [] if self._stopped else self._waiting:
                batch.append(document)
                amount += weight(document)
                if amount >= self._share:
                    break
            del self._waiting[: len(batch)]
            self._amount = sum(map(weight, self._waiting))
            self._changed.notify_all()
            return batch

    def _check(self) -> None:
        if self._given_up:
            raise GivenUp
