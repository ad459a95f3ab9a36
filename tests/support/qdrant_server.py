"""A server for tests that may kill it: see :mod:`tests.support.qdrant_front`."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.request
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self

from tests.support import qdrant_front
from tests.support.forkserver import forked
from tests.support.tls import Certificate


def free_pair() -> int:
    """A port that is free, as the next is."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class QdrantServer:
    """Keeps what it acknowledged when it is killed and started again.

    Its port for gRPC is the next after that for REST, as Qdrant has it.
    """

    def __init__(
        self,
        folder: Path,
        api_key: str | None = None,
        *,
        read_only_key: str | None = None,
        strict: bool = False,
        tls: Certificate | None = None,
        grpc_port: int | None = None,
    ) -> None:
        self.port = free_pair()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._folder = folder
        self.grpc_port = grpc_port or self.port + 1
        self._tls = tls
        self._options = [
            *(["--api-key", api_key] if api_key else []),
            *(["--read-only-key", read_only_key] if read_only_key else []),
            *(["--strict"] if strict else []),
            *(["--tls", tls.file, tls.key] if tls else []),
        ]
        self._process: BaseProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()

    def start(self) -> None:
        options = list(map(str, [self._folder, self.port, self.grpc_port, *self._options]))
        self._process = forked(qdrant_front.main, options)
        trust = ssl.create_default_context(cafile=self._tls.ca) if self._tls else None
        for _ in range(400):
            try:
                urllib.request.urlopen(self.url, timeout=5, context=trust).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        self.kill()
        raise RuntimeError("the server doesn't start")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
