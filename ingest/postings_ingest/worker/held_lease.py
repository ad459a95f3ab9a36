"""The lease of a batch that a worker works on, and whether it still holds it."""

from __future__ import annotations

import logging

from postings_ingest.queue.lease import Lease, LeaseState
from postings_ingest.queue.ledger import Ledger
from postings_ingest.worker.retrying import Retrier

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another worker has leased the batch since, or has finished it."""


class HeldLease:
    """The lease of a batch in flight.

    Args:
        lease: the lease.
        ledger: the ledger that gave it.
        retrier: retries calls of the ledger.
    """

    def __init__(self, lease: Lease, ledger: Ledger, retrier: Retrier) -> None:
        self._lease = lease
        self._ledger = ledger
        self._retrier = retrier
        self._state = LeaseState.VALID

    def valid(self, state: LeaseState) -> bool:
        """Whether this worker may go on; logs once what happened to its lease."""
        if state is not self._state:
            self._state = state
            if state is LeaseState.TAKEN:
                log.warning("another worker took over the batch, or has finished it", extra=self._lease.context)
            elif state is LeaseState.LOST:
                log.warning("Redis lost the batch: its documents are indexed anyway", extra=self._lease.context)
        return bool(state)

    def check(self) -> None:
        """Check before a write: a worker that writes without the lease and then dies could leave stale passages.

        Raises:
            LeaseLost: another worker has the lease.
        """
        if not self.valid(self._ledger.begin(self._lease)):
            raise LeaseLost

    def release(self) -> None:
        """Return the batch to its queue; this delivery doesn't count."""
        self.valid(self._retrier.call(lambda: self._ledger.release(self._lease)))
