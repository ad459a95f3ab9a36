"""The process that has the collections of a folder open, as other processes see it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from postings.errors import IndexUnavailable
from postings.index.proxy.errors import error_from_json
from postings.index.proxy.record import read_record
from postings.index.proxy.wire import pack, receive
from postings.process import Origin
from postings.whole_files import Progress, no_progress


class Owner:
    """The process that serves an index folder, and connections to it, one for each thread that calls at the same time.

    Args:
        root: the index folder.
        connection: the first connection.

    Example:
        >>> Owner.of(folder) is None  # nobody serves it
        True
    """

    def __init__(self, root: Path, connection: socket.socket) -> None:
        self.root = root
        self._idle: list[socket.socket] = [connection]
        self._closed = False
        self._lock = threading.Lock()
        self._origin = Origin("index", "open")

    @classmethod
    def of(cls, root: Path) -> Self | None:
        """The process that serves a folder, or ``None``: also if it was killed, or is another user's.

        Raises:
            IndexLocked: another version of Postings serves the folder.
        """
        connection = _connection(root)
        return None if connection is None else cls(root, connection)

    def call(self, name: str, arguments: dict[str, Any], progress: Progress = no_progress, **of: str) -> Any:
        """Call the process, and wait for its answer.

        Args:
            name: of the call, see :mod:`postings.index.proxy.calls`.
            arguments: of the call.
            progress: called when the process reports progress.
            **of: the ``collection``, for a call of an index.

        Returns:
            The answer, in JSON.

        Raises:
            IndexUnavailable: the process has ended. If it ended meanwhile, the call may have had its effect.
            PostingsError: the call failed.
        """
        return self.call_each(name, [arguments], progress, **of)[0]

    def call_each(
        self, name: str, arguments: Iterable[dict[str, Any]], progress: Progress = no_progress, **of: str
    ) -> list[Any]:
        """Call the process several times, one after another, see :meth:`call`; the first error ends it.

        Each call is converted while the process answers the one before.
        """
        self._origin.check()
        requests = (pack({"call": name, "arguments": each, **of}) for each in arguments)
        request = next(requests, None)
        if request is None:
            return []
        results = []
        connection = self._take()
        try:
            while request is not None:
                with self._reached():
                    connection.sendall(request)
                request = next(requests, None)
                results.append(self._result(connection, progress))
        except BaseException:
            # Whoever calls next must not read this answer.
            connection.close()
            raise
        self._give_back(connection)
        return results

    def close(self) -> None:
        """Close the connections; does nothing in a forked process."""
        if not self._origin.here:
            return
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    def _result(self, connection: socket.socket, progress: Progress) -> Any:
        while True:
            with self._reached():
                answer = receive(connection)
                if answer is None:
                    raise ConnectionResetError("the connection was closed")
            if "error" in answer:
                raise error_from_json(answer["error"])
            if "result" in answer:
                return answer["result"]
            progress(*answer["progress"])

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise IndexUnavailable(f"{self.root}: the process that has the index open has ended ({error})") from error

    def _take(self) -> socket.socket:
        with self._lock:
            if self._closed:
                raise IndexUnavailable(f"{self.root}: the index was closed")
            if self._idle:
                return self._idle.pop()
        connection = _connection(self.root)
        if connection is None:
            raise IndexUnavailable(f"{self.root}: the process that has the index open has ended")
        return connection

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)


def _connection(root: Path) -> socket.socket | None:
    path = read_record(root)
    if path is None:
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection
