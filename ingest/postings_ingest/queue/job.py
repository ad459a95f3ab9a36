"""What became of the documents that a producer sent."""

from __future__ import annotations

import time
from collections.abc import Iterator

from postings.errors import JobNotFound
from postings_ingest.queue.dead_letters import DeadLetter, DeadLetters
from postings_ingest.queue.ledger import Counts, Ledger

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.2


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
            timeout: seconds to wait, by default for ever.
            progress: show a bar on standard error.

        Raises:
            TimeoutError: some documents are still under way.
            JobNotFound: nothing was sent.
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

        Raises:
            TimeoutError: it isn't finished after ``timeout`` seconds.
            JobNotFound: nothing was sent.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        pause, last = _FIRST_PAUSE, None
        while True:
            counts = self.progress()
            if counts != last:
                pause, last = _FIRST_PAUSE, counts
                yield counts
            if counts.finished:
                return
            if ends is not None and time.monotonic() + pause > ends:
                raise TimeoutError(
                    f"{counts.submitted - counts.done:,} of {counts.submitted:,} documents are under way"
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def failures(self) -> Iterator[DeadLetter]:
        """The job's documents that ended in the dead letters."""
        return (letter for letter in DeadLetters(self._ledger).list() if letter.job == self.id)
