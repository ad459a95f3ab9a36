"""Answering the calls of other processes, in the process that has the index open."""

from __future__ import annotations

import logging
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from postings.errors import ConfigurationError, IndexUnavailable, InvalidMessage
from postings.index.proxy.calls import answer
from postings.index.proxy.errors import error_to_json
from postings.index.proxy.open_indexes import OpenIndexes
from postings.index.proxy.record import owned, recorded
from postings.index.proxy.wire import pack, receive
from postings.process import Origin, close_in_forks

log = logging.getLogger(__name__)

_CLOSING_SECONDS = 10
_TROUBLE_SECONDS = 0.2


class IndexServer:
    """Lets other processes of this user work with the index folder that this process has open.

    Each connection has a thread. At the end, calls that are being answered are finished first.

    Args:
        indexes: the collections of the folder.

    Raises:
        IndexLocked: another process serves the folder.
        IndexRejected: the folder can't be written to.
        ConfigurationError: the folder for temporary files has too long a path for a socket.

    Example:
        >>> with OpenIndexes(folder) as indexes, IndexServer(indexes):
        ...     with open_index(Settings(index_url=str(folder))) as index:
        ...         type(index).__name__
        'ProxyIndex'
    """

    def __init__(self, indexes: OpenIndexes) -> None:
        self._indexes = indexes
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._origin = Origin("index server", "start")

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(owned(self._indexes.root))
            self._path = stack.enter_context(_socket_path())
            self._listener = stack.enter_context(_listening(self._path))
            stack.enter_context(recorded(self._indexes.root, self._path))
            self._accepting = threading.Thread(target=self._accept, name="index-server", daemon=True)
            self._accepting.start()
            self._until_closed = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if not self._origin.here:
            return
        self._closing.set()
        with self._until_closed:
            # Whichever of the two wakes the thread on this system.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            with suppress(OSError), socket.socket(socket.AF_UNIX) as waking:
                waking.connect(str(self._path))
            self._accepting.join()
            with self._lock:
                connections = self._connections.copy()
            # A thread that waits for a call ends; one that answers a call finishes it, unless nobody reads the answer.
            for how in (socket.SHUT_RD, socket.SHUT_RDWR):
                for connection in connections:
                    with suppress(OSError):
                        connection.shutdown(how)
                for thread in connections.values():
                    thread.join(_CLOSING_SECONDS if how == socket.SHUT_RD else None)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if not self._closing.wait(_TROUBLE_SECONDS):
                    log.warning("a process can't connect to the index: %s", error)  # for example, too many open files
                continue
            if self._closing.is_set():
                connection.close()
                return
            close_in_forks(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), name="index-call", daemon=True)
            with self._lock:
                self._connections[connection] = thread
            try:
                thread.start()
            except RuntimeError as error:
                log.warning("a process can't use the index: %s", error)
                self._forget(connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            while (message := receive(connection)) is not None:
                connection.sendall(self._answer(message, connection))
        except InvalidMessage as error:
            log.warning("a process that connected to the index sent no call: %s", error)
        except OSError:
            log.debug("a process that used the index is gone", exc_info=True)
        finally:
            self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            del self._connections[connection]
        connection.close()

    def _answer(self, message: Any, connection: socket.socket) -> bytes:
        def progress(done: int, total: int) -> None:
            try:
                connection.sendall(pack({"progress": [done, total]}))
            except OSError as error:
                raise IndexUnavailable("the process that called is gone") from error

        try:
            return pack({"result": answer(self._indexes, message, progress)})
        except Exception as error:
            return pack({"error": error_to_json(error)})


@contextmanager
def _socket_path() -> Iterator[Path]:
    """A socket's path in a folder that only this user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="postings-"))
    try:
        yield folder / "socket"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        close_in_forks(listener)
        try:
            listener.bind(str(path))
        except OSError as error:
            raise ConfigurationError(
                f"{path} can't be a socket ({error}): set TMPDIR to a folder with a shorter path"
            ) from error
        path.chmod(0o600)
        listener.listen()
        yield listener
