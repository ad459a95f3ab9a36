"""``postings serve`` in a thread of the test's process, on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from starlette.types import ASGIApp

from postings import Settings
from postings.index.proxy import IndexServer, OpenIndexes
from postings_serve import Services, create_app
from postings_serve.keys import KeyFile
from postings_serve.process.ports import listening
from postings_serve.process.server import Server


@contextmanager
def services(settings: Settings) -> Iterator[Services]:
    """What a service shares, without a port, a broker or workers."""
    root = settings.index_folder
    folder = None if root is None else OpenIndexes(root)
    with folder or nullcontext(), IndexServer(folder) if folder else nullcontext():
        found = Services(settings, KeyFile.of_settings(settings), folder)
        try:
            yield found
        finally:
            found.close()


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """A service; gives its address."""
    with services(settings) as shared, answering(create_app(shared), shared) as url:
        yield url


@contextmanager
def answering(app: ASGIApp, shared: Services) -> Iterator[str]:
    """An application on a port of its own; gives its address."""
    address: list[str] = []
    started = threading.Event()

    def tell(url: str) -> None:
        address.append(url)
        started.set()

    server = Server(app, shared, tell)
    sockets = listening(shared.settings.serve_host, 0)
    thread = threading.Thread(target=server.run, args=[sockets])
    thread.start()
    try:
        assert started.wait(30)
        yield address[0]
    finally:
        server.should_exit = True
        thread.join()
