"""What became of the documents that a producer sent."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from postings.errors import BrokerUnavailable, ConfigurationError, JobNotFound
from postings_ingest.queue.counts import Counts
from postings_ingest.queue.dead_letters import DeadLetter, DeadLetters
from postings_ingest.queue.ledger import Ledger
from postings_ingest.repeats import Repeats

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.2
_LOOK_SECONDS = 10.0


class Job:
    """Everything that one producer sent.

    Args:
        ledger: of the collection.
        id: the job's.

    Example::

        job = producer.flush()
        print(job.wait(progress=True).indexed, [letter.reason for letter in job.failures()])
    """

    def __init__(self, ledger: Ledger, id: str) -> None:
        self.id = id
        self._ledger = ledger

    def progress(self) -> Counts:
        """How many documents were submitted, and what became of them so far.

        Raises:
            JobNotFound: nothing was ever sent under this id, or not for a month.
        """
        counts = self._ledger.counts(self.id)
        if counts is None:
            raise JobNotFound(f"there is no job {self.id!r} in the queue of this collection")
        return counts

    def wait(self, timeout: float | None = None, *, progress: bool = False) -> Counts:
        """Wait until all documents that were submitted are indexed, superseded, deleted or in the dead letters.

        Args:
            timeout: seconds to wait, by default forever, even while Redis is away.
            progress: show a bar on standard error.

        Raises:
            TimeoutError: some documents are still under way.
            JobNotFound: nothing was sent, or Redis has lost it.
            ConfigurationError: Redis refuses us, which no wait changes.
        """
        if not progress:
            return list(self.watch(timeout))[-1]
        from postings_ingest.queue.bar import job_bar

        counts = Counts()
        with job_bar() as show:
            for counts in self.watch(timeout):
                show(counts)
        return counts

    def watch(self, timeout: float | None = None) -> Iterator[Counts]:
        """Yield the progress each time it changes, until the job is finished.

        A Redis that is away is waited for: a warning is logged when that begins, and when it is back.

        Raises:
            TimeoutError: it isn't finished after ``timeout`` seconds.
            JobNotFound: nothing was sent, or Redis has lost it.
            ConfigurationError: as :meth:`wait`.
        """
        began = time.monotonic()
        looked_at, pause, last = began, _FIRST_PAUSE, None
        repeats = Repeats(log)
        while True:
            try:
                counts = self.progress()
                if time.monotonic() - looked_at > _LOOK_SECONDS:  # nothing happens: is there anything left to wait for?
                    self._look_for_losses()
                    looked_at = time.monotonic()
            except JobNotFound as error:
                if last is None:
                    raise
                raise JobNotFound(
                    f"Redis has lost job {self.id} when {last.done:,} of {last.submitted:,} documents were done: "
                    "it was flushed, evicted, or never written to the disk"
                ) from error
            except ConfigurationError as error:
                raise ConfigurationError(f"{error}; waiting for job {self.id} ends") from error
            except BrokerUnavailable as error:
                repeats.again("away", "waiting for job %s: %s", self.id, error)
                pause = _LONGEST_PAUSE
            else:
                repeats.over("away", "Redis answers again")
                if counts != last:
                    pause, last, looked_at = _FIRST_PAUSE, counts, time.monotonic()
                    yield counts
                if counts.finished:
                    return
            if timeout is not None and time.monotonic() + pause > began + timeout:
                raise TimeoutError(f"{_under_way(last)} under way after {timeout:g} s, as job {self.id}")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _look_for_losses(self) -> None:
        """Account for what Redis has lost: no worker may be there to notice."""
        cursor = self._ledger.audit()
        while cursor != "0":
            cursor = self._ledger.audit(cursor)

    def failures(self) -> Iterator[DeadLetter]:
        """The job's documents that ended in the dead letters."""
        return (letter for letter in DeadLetters(self._ledger).list() if letter.job == self.id)


def _under_way(counts: Counts | None) -> str:
    if counts is None:
        return "documents are"
    return f"{counts.submitted - counts.done:,} of {counts.submitted:,} documents are"
