"""The service without a port: its application, asked on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, Self, TypeVar

import httpx

from postings import Settings
from postings_serve import create_app
from postings_serve.keys import Key, Scope
from tests.support.served import services

T = TypeVar("T")


class Service:
    """The application on some settings; closes what it opened when the block ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._shared = services(self._settings)
        self.services = self._shared.__enter__()
        self.app = create_app(self.services)
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._shared.__exit__(None, None, None)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work on the service's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def key(self, *scopes: Scope, tenant: str | None = None) -> str:
        """A new key; from the first one on, every request needs one."""
        key, text = Key.create("test", frozenset(scopes), tenant)
        self.services.keys.add(key)
        return text

    def __call__(self, method: str, path: str, *, key: str | None = None, **options: Any) -> httpx.Response:
        """Ask; the answer is read to its end."""
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {key}"} if key else {})}
        return self.run(self._client.request(method, path, headers=headers, **options))

    def lines(self, pieces: Iterable[bytes], **options: Any) -> httpx.Response:
        """Post JSON Lines, piece by piece."""

        async def arriving() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        headers = {"Content-Type": "application/x-ndjson"}
        return self("POST", "/v1/documents", content=arriving(), headers=headers, **options)


def lines_of(numbers: Iterable[int]) -> list[bytes]:
    """A document a line."""
    return [b'{"id": "%d", "text": "A man is eating food."}\n' % number for number in numbers]
