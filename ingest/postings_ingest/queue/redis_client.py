"""The connection to the Redis that holds the queue of a collection: its keys, its scripts, and its errors."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self

from postings.errors import BrokerUnavailable, MissingExtra
from postings_ingest.queue.refusals import is_read_only, refusal
from postings_ingest.queue.urls import redis_url

if TYPE_CHECKING:
    import redis
    from redis.commands.core import Script

    from postings import Settings


class RedisClient:
    """A connection to Redis; only the ledger and its parts use it.

    Args:
        settings: ``redis_url``, ``redis_ca`` and ``collection``.

    Attributes:
        redis: redis-py's client. Use it within :meth:`errors`.
        address: the server, as errors and logs name it.

    Raises:
        MissingExtra: redis isn't installed.
        ConfigurationError: redis-py can't read ``redis_url``, or the file ``redis_ca`` can't be read.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            import redis
        except ImportError as error:
            raise MissingExtra("queue", "queueing documents") from error
        url, options = redis_url(settings)
        self.redis: redis.Redis = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=30, socket_connect_timeout=5, health_check_interval=15, **options
        )
        if url.startswith("rediss://"):
            from postings_ingest.queue.tls import PromptSSLConnection

            self.redis.connection_pool.connection_class = PromptSSLConnection
        self._prefix = _prefix(settings)
        self._scripts: dict[str, Script] = {}
        self._written = threading.Event()  # shared by the clients of other collections
        read = self.redis.get_connection_kwargs()
        host, port = str(read.get("host", "localhost")), int(read.get("port", 6379))
        self.address = f"Redis at {read.get('path') or f'{host}:{port}'}"
        self._without_tls = (host, port) if url.startswith("redis://") else None

    def of_collection(self, settings: Settings) -> Self:
        """The client of another collection in the same Redis, which shares the connections."""
        other = copy.copy(self)
        other._prefix = _prefix(settings)  # noqa: SLF001 - its own class
        return other

    def key(self, *parts: str) -> str:
        """The name of a key of this collection's queue, for example ``job:ID``."""
        return ":".join((self._prefix, *parts))

    def run_script(self, name: str, *arguments: object) -> Any:
        """Run a Lua script, which Redis runs as a whole.

        Raises:
            ConfigurationError: as :meth:`errors`.
            BrokerUnavailable: as :meth:`errors`.
        """
        with self.errors():
            answer = self._script(name)(keys=[self._prefix], args=[str(argument) for argument in arguments])
        self._written.set()
        return answer

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise redis-py's errors as Postings' own.

        Raises:
            ConfigurationError: Redis refuses us, and no retry changes that, see :mod:`postings_ingest.queue.refusals`.
            BrokerUnavailable: Redis can't be reached, or can't answer now; or it has become a replica.
        """
        import redis

        try:
            yield
        except (redis.exceptions.RedisError, OSError) as error:
            if self._written.is_set() and is_read_only(error):
                # After a failover, the same name leads to the new primary.
                self.redis.connection_pool.disconnect(inuse_connections=False)
                raise BrokerUnavailable(f"{self.address} has become a replica, which takes no writes") from error
            if refused := refusal(error, self.address, "POSTINGS_REDIS_URL", self._without_tls):
                raise refused from error
            # redis-py says "Error 111 connecting to HOST:PORT. Connection refused.", or "Timeout connecting to server".
            said, connecting, rest = str(error).partition(" connecting to ")
            if connecting:
                why = rest.partition(". ")[2].rstrip(".") or said
                raise BrokerUnavailable(
                    f"can't reach {self.address} ({why}): start it, or set POSTINGS_REDIS_URL"
                ) from error
            raise BrokerUnavailable(f"{self.address}: {error}") from error

    def _script(self, name: str) -> Script:
        if name not in self._scripts:
            self._scripts[name] = self.redis.register_script(_text(name))
        return self._scripts[name]


def _text(name: str) -> str:
    folder = files("postings_ingest.queue") / "lua"
    text = (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()
    # When Redis is full, the scripts that make room must still run.
    return text if name == "register" else f"#!lua flags=allow-oom\n{text}"


def _prefix(settings: Settings) -> str:
    return f"postings:{{{settings.collection}}}"
