"""The Redis stream that holds the dead letters of a queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from postings_ingest.queue.redis_client import RedisClient

StreamEntry: TypeAlias = dict[str, str]


class LetterStream:
    """The entries of the stream, as they are stored; :class:`~postings_ingest.DeadLetters` reads what they say.

    Each method raises :class:`~postings.errors.BrokerUnavailable` if Redis can't be reached.

    Args:
        client: the connection to Redis.
    """

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._key = client.key("dead")

    def __len__(self) -> int:
        with self._client.errors():
            return int(self._client.redis.xlen(self._key))

    def page(self, after: str | None, count: int) -> list[tuple[str, StreamEntry]]:
        """Read entries, oldest first, from the one after the given id; at most ``count``."""
        with self._client.errors():
            found: Any = self._client.redis.xrange(self._key, min="-" if after is None else f"({after}", count=count)
        return list(found)

    def get(self, id: str) -> StreamEntry | None:
        """Read one entry; ``None`` if there is none of this id."""
        import redis

        with self._client.errors():
            try:
                entries: Any = self._client.redis.xrange(self._key, min=id, max=id)
            except redis.exceptions.ResponseError as error:
                if "Invalid stream ID" not in str(error):
                    raise
                return None  # no entry can have this id
        # Redis takes the first half of an id for a range.
        return entries[0][1] if entries and entries[0][0] == id else None

    def add(self, fields: StreamEntry) -> None:
        """Append an entry."""
        entry: Any = fields
        with self._client.errors():
            self._client.redis.xadd(self._key, entry)

    def delete(self, ids: Sequence[str] | None = None) -> int:
        """Delete entries, by default all; returns how many."""
        with self._client.errors():
            if ids is None:
                return int(self._client.redis.xtrim(self._key, maxlen=0, approximate=False))
            return int(self._client.redis.xdel(self._key, *ids)) if ids else 0
