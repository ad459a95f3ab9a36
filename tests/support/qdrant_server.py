"""A server for tests that may kill it: see :mod:`tests.support.qdrant_front`."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.support.redis_server import free_port

ROOT = Path(__file__).parents[2]


class QdrantServer:
    """Keeps what it acknowledged when it is killed and started again."""

    def __init__(self, folder: Path, api_key: str | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self.grpc_port = free_port()
        self._options = ["--api-key", api_key] if api_key else []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.support.qdrant_front", self._folder, self.port, self.grpc_port]
        self._process = subprocess.Popen([*map(str, command), *self._options], cwd=ROOT)
        for _ in range(400):
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the server doesn't start")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
