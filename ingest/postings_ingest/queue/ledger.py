"""The ledger: every accepted batch, the worker that has leased it, and what became of its documents.

A batch is stored in Redis from the moment it is accepted until it is finished; the broker carries only its id. So a
message that is lost, repeated or late does no harm: each step below is one script that Redis runs as a whole, and
repeating a step changes nothing.

    register -> waiting -> start -> leased, begin -> finish -> counted in its job
                   ^--------- release, expiry ------------'  '-> dead letters
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from postings.errors import QueueFull
from postings_ingest.counts import Counts
from postings_ingest.queue.durability import risks
from postings_ingest.queue.job_ids import belongs_to, owner
from postings_ingest.queue.lease import Lease, LeaseState
from postings_ingest.queue.letter_stream import LetterStream
from postings_ingest.queue.redis_client import RedisClient
from postings_ingest.queue.workers import WorkerRegistry
from postings_ingest.tenants import Tenants

if TYPE_CHECKING:
    from postings import Settings

log = logging.getLogger(__name__)

BULK = "bulk"
INTERACTIVE = "interactive"
REINDEX = "reindex"
QUEUES = (INTERACTIVE, BULK, REINDEX)
"""In the order in which workers take from them."""

_STATES = {"taken": LeaseState.TAKEN, "valid": LeaseState.VALID, "lost": LeaseState.LOST}


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is queued.

    Attributes:
        queued: documents that wait for a worker.
        in_flight: documents that workers are working on.
        batches: the number of queued batches, by queue.
        oldest: when the oldest queued batch was last announced, in ms since the epoch; ``None`` if none is queued.
            Batches of ``reindex`` don't count: they wait until nothing else does.
    """

    queued: int
    in_flight: int
    batches: dict[str, int]
    oldest: float | None


class Ledger:
    """The queue of one collection in Redis.

    Each method raises :class:`~postings.errors.BrokerUnavailable` if Redis can't be reached, and
    :class:`~postings.errors.ConfigurationError` if it refuses us.

    If the settings are bound to a tenant, it shows the tenant's jobs alone.

    Args:
        settings: ``redis_url`` and ``collection``.
        client: the connection to Redis; by default a new one.

    Attributes:
        collection: whose queue this is.
        address: the Redis server, as errors and logs name it.
        workers: the workers' heartbeats.
        letters: the stream of dead letters, see :class:`~postings_ingest.DeadLetters`.
        tenants: whose the documents are, by the settings.

    Raises:
        MissingExtra: redis isn't installed.
        ConfigurationError: redis-py can't read ``redis_url``, or the file ``redis_ca`` can't be read.
    """

    def __init__(self, settings: Settings, client: RedisClient | None = None) -> None:
        from postings import Settings

        settings = Settings.given(settings)
        self._client = RedisClient(settings) if client is None else client
        self._limit = settings.queue_limit
        self.collection = settings.collection
        self.address = self._client.address
        self.workers = WorkerRegistry(self._client)
        self.letters = LetterStream(self._client)
        self.tenants = Tenants.of_settings(settings)

    def of(self, settings: Settings) -> Self:
        """The ledger of another collection or tenant in the same Redis, which shares the connections."""
        return type(self)(settings, self._client.of_collection(settings))

    def register(self, id: str, payload: str, documents: int, job: str, queue: str, last: int = 0) -> int:
        """Accept a batch.

        Args:
            id: a unique id.
            payload: the operations.
            documents: the number of operations.
            job: the job that they count for.
            queue: one of ``QUEUES``.
            last: the arrival of the job's previous batch.

        Returns:
            The batch's arrival: the version of its operations that have none. It is greater than that of any batch
            before.

        Raises:
            QueueFull: the batch would exceed the limit, or Redis has no room for it.
            BrokerUnavailable: Redis can't be reached; whether the batch was accepted isn't known.
        """
        word, *numbers = self._run("register", id, payload, documents, job, queue, self._limit, last)
        number, *more = map(int, numbers)
        if word == "full":
            raise QueueFull(
                f"the queue holds {number:,} documents, and {documents:,} more would exceed the limit of "
                f"{self._limit:,} (POSTINGS_QUEUE_LIMIT)"
            )
        if word == "no memory":
            raise QueueFull(
                f"{self.address} uses {number / 2**20:,.0f} MiB of its maxmemory of {more[0] / 2**20:,.0f} MiB: "
                "documents are accepted up to 80 % of it"
            )
        return number

    def start(self, id: str, seconds: float) -> Lease | None:
        """Lease a batch for some seconds; ``None`` if it is finished, leased by another worker, or lost."""
        # redis-py sends a command again if the answer was lost: the attempt's id shows that it is the same one.
        word, *fields = self._run("start", id, int(seconds * 1000), uuid.uuid4().hex, *QUEUES)
        if word == "lost":
            self._report_lost(int(fields[0]), f"batch {id}")
        if word != "started":
            return None
        payload, job, queue, arrival, deliveries, token, documents = fields
        return Lease(id, payload, job, queue, int(arrival), int(deliveries), token, int(documents))

    def begin(self, lease: Lease) -> LeaseState:
        """Count this delivery, as the work begins."""
        return _STATES[self._run("begin", lease.id, lease.token, lease.deliveries)]

    def finish(
        self,
        lease: Lease,
        counts: Counts,
        letters: Sequence[str] = (),
        rest: tuple[str, int] = ("", 0),
    ) -> LeaseState:
        """Count what became of a batch, and remove it. Nothing happens if another worker has the lease.

        Args:
            lease: the lease of the batch.
            counts: what became of its documents, without those that failed.
            letters: the contents of the dead letters for those that failed.
            rest: payload and number of the operations that are still to be done. All that aren't counted have failed.
        """
        outcomes = (counts.indexed, counts.superseded, counts.deleted, counts.unchanged)
        return _STATES[self._run("finish", *_of(lease), *outcomes, *rest, *letters)]

    def split(self, lease: Lease, parts: Sequence[tuple[str, str, int]]) -> LeaseState:
        """Replace a batch by parts of it, each given as id, payload and number of operations."""
        return _STATES[self._run("split", *_of(lease), *(field for part in parts for field in part))]

    def release(self, lease: Lease) -> LeaseState:
        """Return a batch to the queue undone, even one that Redis lost; this delivery doesn't count."""
        state = _STATES[self._run("release", lease.id, lease.token, lease.deliveries - 1)]
        if state is LeaseState.LOST:
            return self.finish(lease, Counts(), rest=(lease.payload, lease.documents))
        return state

    def renew(self, ids: Sequence[str], seconds: float) -> None:
        """Extend the leases of batches by some seconds from now."""
        if ids:
            self._run("renew", int(seconds * 1000), *ids)

    def recover(self, timeout: float, *, idle: bool, in_flight: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Find the batches to announce again: their worker died, or their announcement was lost.

        Args:
            timeout: seconds after which an announcement counts as lost if later ones have arrived.
            idle: whether nothing arrives from the broker, so that all announcements older than that are lost.
            in_flight: the caller's own batches; their leases are extended by ``timeout``.

        Returns:
            The ids of the batches, each with its queue.
        """
        lost, found = self._run("recover", int(timeout * 1000), int(idle), len(QUEUES), *QUEUES, *in_flight)
        self._report_lost(lost, "batches")
        return list(zip(found[::2], found[1::2], strict=True))

    def audit(self, cursor: str = "0") -> str:
        """Look for what Redis has lost, some batches at a time. Lost documents count as failed; the rest is requeued.

        Args:
            cursor: what the previous call returned.

        Returns:
            The cursor of the next call; ``"0"`` after the last batch.
        """
        cursor, lost = self._run("audit", cursor, *QUEUES)
        self._report_lost(lost, "batches")
        return cursor

    def audit_all(self) -> None:
        """Account for all that Redis has lost: there may be no worker to notice."""
        cursor = self.audit()
        while cursor != "0":
            cursor = self.audit(cursor)

    def pace(self, passages: int, rate: float) -> float:
        """The seconds to wait until a worker may reindex more passages, so that all workers together keep a rate.

        Args:
            passages: passages that the caller has just encoded; 0 only asks.
            rate: passages that all workers together may encode in a second.
        """
        return int(self._run("pace", int(passages * 1000 / rate))) / 1000

    def retry(self, letter: str, id: str, payload: str, queue: str, arrival: int) -> bool:
        """Turn a dead letter into a batch; returns whether the dead letter was there."""
        return bool(self._run("retry", letter, id, payload, queue, arrival))

    def counts(self, job: str) -> Counts | None:
        """What became of a job's documents; ``None`` if there is no such job."""
        return self.counts_of([job])[0]

    def counts_of(self, jobs: Sequence[str]) -> list[Counts | None]:
        """What became of the documents of several jobs, as :meth:`counts`."""
        with self._client.errors(), self._client.redis.pipeline(transaction=False) as pipe:
            for job in jobs:
                pipe.hgetall(self._client.key("job", job))
            return [self._counts(*each) for each in zip(jobs, pipe.execute(), strict=True)]

    def latest_jobs(self, number: int) -> list[str]:
        """The ids of the jobs that were updated last, the latest first."""
        bound = self.tenants.bound
        key = self._client.key("jobs") if bound is None else self._client.key("jobs", owner(bound))
        with self._client.errors():
            found: Any = self._client.redis.zrevrange(key, 0, number - 1)
        return list(found)

    def depth(self) -> Depth:
        """How much is queued."""
        waiting = [self._client.key("waiting", queue) for queue in QUEUES]
        with self._client.errors(), self._client.redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self._client.key("counts"))
            for key in waiting:
                pipe.zcard(key)
            for key in waiting:
                pipe.zrange(key, 0, 0, withscores=True)
            counts, *answers = pipe.execute()
        firsts = dict(zip(QUEUES, answers[len(QUEUES) :], strict=True))
        oldest = [announced for queue in (INTERACTIVE, BULK) for _, announced in firsts[queue]]
        return Depth(
            queued=int(counts.get("waiting", 0)),
            in_flight=int(counts.get("leased", 0)),
            batches=dict(zip(QUEUES, answers, strict=False)),
            oldest=min(oldest, default=None),
        )

    def risks(self) -> list[str]:
        """How Redis could lose accepted documents, see :func:`postings_ingest.queue.durability.risks`."""
        return risks(self._client)

    def _counts(self, job: str, found: dict[str, str]) -> Counts | None:
        bound = self.tenants.bound
        if not found or (bound is not None and not belongs_to(job, bound)):
            return None
        return Counts(**{name: int(found.get(name, 0)) for name in Counts.__dataclass_fields__})

    def _report_lost(self, documents: int, what: str) -> None:
        if documents:
            log.error("%s lost %s with %d documents: they count as failed", self.address, what, documents)

    def _run(self, script: str, *arguments: object) -> Any:
        return self._client.run_script(script, *arguments)


def _of(lease: Lease) -> tuple[object, ...]:
    return lease.id, lease.token, lease.job, lease.queue, lease.arrival, lease.documents
