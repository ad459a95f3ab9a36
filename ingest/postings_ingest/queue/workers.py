"""The workers of a queue, by their heartbeats."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from postings_ingest.queue.redis_client import RedisClient

_ALIVE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker, as its last heartbeat describes it.

    Attributes:
        name: host and process id.
        ready: whether it takes batches.
        trouble: what it waits for, if anything.
        documents: documents that it has finished since it started.
        documents_per_second: documents per second over the last half minute.
        batches_in_flight: batches that it works on.
        device: where it encodes.
        started_at: when it started, in ms since the epoch.
    """

    name: str
    ready: bool
    trouble: str | None
    documents: int
    documents_per_second: float
    batches_in_flight: int
    device: str
    started_at: int


class WorkerRegistry:
    """The heartbeats of a queue's workers in Redis. A worker that sends none for 10 s is gone.

    Args:
        client: the connection to Redis.
    """

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    def heartbeat(self, worker: Worker) -> None:
        """Record a heartbeat.

        Raises:
            BrokerUnavailable: Redis can't be reached, or has no room.
        """
        with self._client.errors():
            self._client.redis.sadd(self._names, worker.name)
            self._client.redis.set(self._key(worker.name), json.dumps(asdict(worker)), ex=_ALIVE_SECONDS)

    def remove(self, name: str) -> None:
        """Forget a worker that stops.

        Raises:
            BrokerUnavailable: Redis can't be reached.
        """
        with self._client.errors():
            self._client.redis.srem(self._names, name)
            self._client.redis.delete(self._key(name))

    def alive(self) -> list[Worker]:
        """The workers whose heartbeat is recent, by name.

        Raises:
            BrokerUnavailable: Redis can't be reached.
        """
        with self._client.errors():
            members: Any = self._client.redis.smembers(self._names)
            names = sorted(members)
            beats: list[Any] = self._client.redis.mget(list(map(self._key, names))) if names else []
            if gone := [name for name, beat in zip(names, beats, strict=True) if beat is None]:
                self._client.redis.srem(self._names, *gone)
        # A worker of a newer version may send more.
        found = [json.loads(beat) for beat in beats if beat]
        return [Worker(**{each.name: beat[each.name] for each in fields(Worker)}) for beat in found]

    @property
    def _names(self) -> str:
        return self._client.key("workers")

    def _key(self, name: str) -> str:
        return self._client.key("worker", name)
