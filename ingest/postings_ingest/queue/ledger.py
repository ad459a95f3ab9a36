"""The ledger: every accepted batch, who works at it, and what became of its documents.

A batch is stored in Redis from the moment it is accepted until it is finished; the broker carries only its id. So a
message that is lost, repeated or late does no harm: each step below is one script that Redis runs as a whole, and
repeating it changes nothing.

    register -> waiting -> start -> leased, begin -> finish -> counted in its job
                   ^--------- release, expiry ------------'  '-> dead letters
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from postings.errors import BrokerUnavailable, MissingExtra, QueueFull
from postings_ingest.queue.connection import redis_url
from postings_ingest.queue.counts import Counts
from postings_ingest.queue.lease import Held, Lease
from postings_ingest.queue.refusals import refusal

if TYPE_CHECKING:
    import redis
    from redis.commands.core import Script

    from postings import Settings

log = logging.getLogger(__name__)

BULK = "bulk"
INTERACTIVE = "interactive"
QUEUES = (INTERACTIVE, BULK)
"""In the order in which workers look into them."""


_HELD = {"taken": Held.TAKEN, "held": Held.VALID, "lost": Held.LOST}


class Ledger:
    """The queue of one collection in Redis.

    Args:
        settings: ``redis_url`` and ``collection``.

    Raises:
        MissingExtra: redis isn't installed.
        ConfigurationError: the URL isn't one of Redis, or the file of ``redis_ca`` can't be read.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            import redis
        except ImportError as error:
            raise MissingExtra("queue", "queueing documents") from error
        from postings import Settings

        url, options = redis_url(settings := Settings.given(settings))
        self.redis: redis.Redis = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=30, socket_connect_timeout=5, health_check_interval=15, **options
        )
        if url.startswith("rediss://"):
            from postings_ingest.queue.tls import PromptSSLConnection

            self.redis.connection_pool.connection_class = PromptSSLConnection
        self.prefix = f"postings:{{{settings.collection}}}"
        where = self.redis.get_connection_kwargs()
        place = where.get("path") or f"{where.get('host', 'localhost')}:{where.get('port', 6379)}"
        self.where = f"Redis at {place}"
        """For errors and logs."""
        self._plain = (
            (str(where.get("host", "localhost")), int(where.get("port", 6379))) if url[:8] == "redis://" else None
        )
        self._high_water = settings.queue_limit

    def register(self, id: str, payload: str, documents: int, job: str, queue: str, last: int = 0) -> int:
        """Accept a batch; returns the version of its operations that bring none, greater than that of any before.

        Args:
            id: unique.
            payload: the operations.
            documents: how many they are.
            job: whom to count for.
            queue: ``bulk`` or ``interactive``.
            last: the arrival of the job's batch before.

        Raises:
            QueueFull: it would pass the limit, or Redis has no room for it.
            BrokerUnavailable: Redis can't be reached; whether the batch was accepted isn't known.
        """
        word, *numbers = self._run("register", id, payload, documents, job, queue, self._high_water, last)
        number, *more = map(int, numbers)
        if word == "full":
            raise QueueFull(
                f"the queue holds {number:,} documents, and {documents:,} more would pass the limit of "
                f"{self._high_water:,} (POSTINGS_QUEUE_LIMIT)"
            )
        if word == "no memory":
            raise QueueFull(
                f"{self.where} uses {number / 2**20:,.0f} MiB of its maxmemory of {more[0] / 2**20:,.0f} MiB: "
                "documents are taken up to 80 % of it"
            )
        return number

    def start(self, id: str, lease: float) -> Lease | None:
        """Take a batch for ``lease`` seconds; ``None`` if it is finished, held by another worker, or lost."""
        # redis-py sends a command again whose answer was lost: the attempt shows that it is the same.
        word, *fields = self._run("start", id, int(lease * 1000), uuid.uuid4().hex, *QUEUES)
        if word == "lost":
            self._report_lost(int(fields[0]), f"batch {id}")
        if word != "started":
            return None
        payload, job, queue, arrival, deliveries, token, documents = fields
        return Lease(id, payload, job, queue, int(arrival), int(deliveries), token, int(documents))

    def begin(self, lease: Lease) -> Held:
        """Count this delivery, as the work begins."""
        return _HELD[self._run("begin", lease.id, lease.token, lease.deliveries)]

    def finish(
        self,
        lease: Lease,
        counts: Counts,
        letters: Sequence[str] = (),
        rest: tuple[str, int] = ("", 0),
    ) -> Held:
        """Count a batch and forget it; if another worker has it, nothing is done.

        Args:
            lease: of the batch.
            counts: what became of its documents, without those that failed.
            letters: those that failed, for the dead letters.
            rest: payload and number of operations that are still to be done. All others have failed.
        """
        outcomes = (counts.indexed, counts.superseded, counts.deleted, counts.unchanged)
        return _HELD[self._run("finish", *_of(lease), *outcomes, *rest, *letters)]

    def split(self, lease: Lease, parts: Sequence[tuple[str, str, int]]) -> Held:
        """Replace a batch by parts of it, each as id, payload and number of operations."""
        return _HELD[self._run("split", *_of(lease), *(field for part in parts for field in part))]

    def release(self, lease: Lease) -> Held:
        """Give a batch back undone; one that Redis lost, too."""
        held = _HELD[self._run("release", lease.id, lease.token, lease.deliveries - 1)]
        if held is Held.LOST:
            return self.finish(lease, Counts(), rest=(lease.payload, lease.documents))
        return held

    def renew(self, ids: Sequence[str], lease: float) -> None:
        """Hold batches for another ``lease`` seconds."""
        if ids:
            self._run("renew", int(lease * 1000), *ids)

    def recover(self, timeout: float, *, idle: bool, held: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Batches to announce again, each with its queue: those whose worker died or whose announcement was lost.

        Args:
            timeout: seconds after which an announcement that was overtaken by later ones counts as lost.
            idle: nothing comes from the broker, so that all announcements older than that are lost.
            held: batches that the caller has in flight; they are held for another ``timeout``.
        """
        lost, found = self._run("recover", int(timeout * 1000), int(idle), *QUEUES, *held)
        self._report_lost(lost, "batches")
        return list(zip(found[::2], found[1::2], strict=True))

    def audit(self, cursor: str = "0") -> str:
        """Look through some batches for what Redis lost: who waits for them is told, and what is left waits again.

        Args:
            cursor: where the call before stopped.

        Returns:
            Where to go on; ``"0"`` after the last batch.
        """
        cursor, lost = self._run("audit", cursor, *QUEUES)
        self._report_lost(lost, "batches")
        return cursor

    def retry(self, letter: str, id: str, payload: str, queue: str, arrival: int) -> bool:
        """Turn a dead letter into a batch; returns whether it was there."""
        return bool(self._run("retry", letter, id, payload, queue, arrival))

    def counts(self, job: str) -> Counts | None:
        """What became of a job's documents, ``None`` if there is no such job."""
        with self.errors():
            found: dict[str, str] = self.redis.hgetall(f"{self.prefix}:job:{job}")  # type: ignore[assignment]
        if not found:
            return None
        return Counts(**{name: int(found.get(name, 0)) for name in Counts.__dataclass_fields__})

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise redis-py's errors as Postings' own.

        Raises:
            ConfigurationError: Redis refuses us for good, as :mod:`postings_ingest.queue.refusals` says.
            BrokerUnavailable: it can't be reached, or can't answer now.
        """
        import redis

        try:
            yield
        except (redis.exceptions.RedisError, OSError) as error:
            if refused := refusal(error, self.where, "POSTINGS_REDIS_URL", self._plain):
                raise refused from error
            raise BrokerUnavailable(f"{self.where}: {error}") from error

    def _report_lost(self, documents: int, what: str) -> None:
        if documents:
            log.error("%s lost %s with %d documents: they count as failed", self.where, what, documents)

    def _run(self, name: str, *arguments: object) -> Any:
        with self.errors():
            return self._scripts[name](keys=[self.prefix], args=[str(argument) for argument in arguments])

    @cached_property
    def _scripts(self) -> dict[str, Script]:
        folder = files("postings_ingest.queue") / "lua"
        common = (folder / "common.lua").read_text()
        names = ("register", "start", "begin", "finish", "split", "release", "renew", "recover", "audit", "retry")
        texts = {name: common + (folder / f"{name}.lua").read_text() for name in names}
        # In a Redis that is full, whatever makes it less so must still run.
        texts |= {name: f"#!lua flags=allow-oom\n{text}" for name, text in texts.items() if name != "register"}
        return {name: self.redis.register_script(text) for name, text in texts.items()}


def _of(lease: Lease) -> tuple[object, ...]:
    return lease.id, lease.token, lease.job, lease.queue, lease.arrival, lease.documents
