"""Running a service: its processes, its port, and its end."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp

from postings.collection_models import check_named_model
from postings.errors import ConfigurationError, PostingsError
from postings.index.proxy import IndexServer, OpenIndexes
from postings.secrets import redacted
from postings_serve.app import create_app
from postings_serve.http.protocol import BoundedProtocol
from postings_serve.keys import KeyFile
from postings_serve.process.ending import Ending, ended_by_signals
from postings_serve.process.ports import close, listening, refuse_new
from postings_serve.process.workers import Workers
from postings_serve.services import Services

if TYPE_CHECKING:
    from postings import Settings

log = logging.getLogger(__name__)

_THREADS = 64
_DRAIN_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_THREAD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A service that has started.

    Attributes:
        url: where it is reached.
        broker: the address of its own broker, without the password; ``None`` if the index is a server.
    """

    url: str
    broker: str | None


def serve(settings: Settings, started: Callable[[Running], object], *, open_to_all: bool = False) -> None:
    """Serve until SIGTERM or Ctrl-C, and answer every request that came before.

    Where the index is a folder, this process has it open, and starts a broker and workers. Where it is a server, this
    is the API alone, and any number of such processes may run.

    Args:
        settings: what starts with ``serve_``, the index and the default collection.
        started: called when the port answers.
        open_to_all: whether other machines may do everything without a key, while there is none.

    Raises:
        ConfigurationError: other machines could do everything, or the port can't be opened.
        ModelError: the settings name a model that isn't there.
        IndexLocked: another process has the index folder open.
        BrokerUnavailable: the broker doesn't start.
    """
    keys = checked_keys(settings, open_to_all=open_to_all)
    check_named_model(settings)  # else the service would take documents and searches, and do nothing with them
    with ended_by_signals() as ending, ExitStack() as stack:
        # Before all else: it may fail, and clients that come now only wait.
        sockets = listening(settings.serve_host, settings.serve_port)
        stack.callback(close, sockets)
        settings, folder, broker = stack.enter_context(_folder(settings, ending))
        workers = None if folder is None else stack.enter_context(Workers(settings))
        give_up = stack.enter_context(limit(settings, ending))
        services = Services(settings, keys, folder, open_to_all=open_to_all)
        stack.callback(services.close)
        if workers is not None:
            ending.kill.append(workers.kill)
            services.needs_worker = workers.need
        server = Server(create_app(services), services, lambda url: started(Running(url, broker)), give_up.start)
        ending.drain = server.drain
        if not ending.asked:
            server.run(sockets)


def checked_keys(settings: Settings, *, open_to_all: bool) -> KeyFile:
    """The API keys of a service.

    Raises:
        ConfigurationError: there are none, although the settings name their file, or other machines could do everything
            and ``open_to_all`` is false.
    """
    keys = KeyFile.of_settings(settings)
    if settings.serve_keys is not None and not keys.required:
        raise ConfigurationError(
            f"there are no API keys in {settings.serve_keys} (POSTINGS_SERVE_KEYS): it doesn't exist"
        )
    if not (keys.required or open_to_all or _is_loopback(settings.serve_host)):
        raise ConfigurationError(
            f"on {settings.serve_host}, other machines could read and change everything: create an API key with "
            "`postings keys create`, or pass --no-keys"
        )
    return keys


@contextmanager
def _folder(settings: Settings, ending: Ending) -> Iterator[tuple[Settings, OpenIndexes | None, str | None]]:
    """Open the index folder, serve it to other processes, and start the broker; for a server there is nothing to do."""
    root = settings.index_folder
    if root is None:
        yield settings, None, None
        return
    from postings_ingest.worker.embedded_broker import EmbeddedBroker

    opened = OpenIndexes(root, datatype=settings.index_datatype, on_disk=settings.index_on_disk)
    with opened as folder, IndexServer(folder), ExitStack() as stack:
        broker = EmbeddedBroker(settings)
        ending.kill.append(broker.kill)
        stack.enter_context(broker)
        yield settings.model_copy(update={"redis_url": SecretStr(broker.url)}), folder, redacted(broker.url)


@contextmanager
def limit(settings: Settings, ending: Ending) -> Iterator[threading.Timer]:
    """A timer for the end of a block: a thread that hangs, in a library for example, doesn't keep it longer."""

    def give_up() -> None:
        log.error("some requests' threads don't end: ending without them")
        ending.now()

    timer = threading.Timer(settings.serve_timeout + _THREAD_SECONDS, give_up)
    timer.daemon = True
    try:
        yield timer
    finally:
        timer.cancel()


class Server(uvicorn.Server):
    """uvicorn, which drains before it stops.

    From the first signal on, ``/readyz`` says so, and each answer closes its connection, so that no client sends a
    request on a connection that is about to be closed. After a second, nobody can connect any more; after another, or
    when there is no connection left, the port is closed. What is being answered then is finished.

    Args:
        app: answers the requests.
        services: what they share.
        started: called with the address when the port answers.
        drained: called when the port is about to be closed.
    """

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        started: Callable[[str], object],
        drained: Callable[[], object] = lambda: None,
    ) -> None:
        settings = services.settings
        super().__init__(
            uvicorn.Config(
                app,
                settings.serve_host,
                settings.serve_port,
                loop="uvloop",
                http=BoundedProtocol,
                proxy_headers=False,  # anybody can send X-Forwarded-For
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=settings.serve_timeout,
            )
        )
        self._services = services
        self._told = started
        self._drained = drained
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer, and say where."""
        self._loop = asyncio.get_running_loop()
        # asyncio's own number, six on two cores, is too few for requests that wait for a Redis that hangs.
        self._loop.set_default_executor(ThreadPoolExecutor(_THREADS, "postings-serve"))
        self._sockets = sockets or []
        await super().startup(sockets)
        host = self.config.host
        port = self.servers[0].sockets[0].getsockname()[1]
        self._told(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        self._checking = asyncio.ensure_future(self._warn_if_not_ready())

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave the signals to :mod:`postings_serve.process.ending`."""
        return nullcontext()

    async def _warn_if_not_ready(self) -> None:
        try:
            await asyncio.to_thread(self._services.indexes.check)
        except PostingsError as error:
            log.warning("not ready to search: %s", error)

    def drain(self) -> None:
        """Answer what has come, and end. A signal handler may call it."""
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        log.info("draining: %d connections", len(self.server_state.connections))
        self._services.draining.set()
        self._draining = asyncio.ensure_future(self._end_when_drained())

    async def _end_when_drained(self) -> None:
        await self._until_no_connection(_DRAIN_SECONDS)
        refuse_new(self._sockets)
        await asyncio.sleep(_LOOK_SECONDS)
        await self._until_no_connection(_DRAIN_SECONDS)
        self._drained()
        self.should_exit = True

    async def _until_no_connection(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        while self.server_state.connections and loop.time() < ends:
            await asyncio.sleep(_LOOK_SECONDS)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
