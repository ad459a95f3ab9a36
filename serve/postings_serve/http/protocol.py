"""uvicorn's HTTP protocol, with limits on what comes before a request's body."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 2**16
"""Bytes of a request line and its headers."""

MAX_HEADERS = 100

HEAD_SECONDS = 10.0
"""Until a connection must have sent the headers of a request that it began, or of its first."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
)


class BoundedProtocol(HttpToolsProtocol):
    """Refuses requests whose headers are too many, too large or too slow, which the parser would gather forever."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = True
        self._head = 0
        self._taken = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come, unless the headers have become too large."""
        self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MAX_HEAD and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        """Expect the headers of a request."""
        super().on_message_begin()
        self._taken = 0
        if not self._in_head:
            self._in_head, self._head = True, 0
            self._expect()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address, unless it is too large."""
        self._take(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, unless there are too many."""
        if len(self.headers) >= MAX_HEADERS:
            self._refuse()
            raise ValueError("too many headers")  # which ends the parser's work
        self._take(len(name) + len(value) + 4)  # a colon, a space, and the end of the line
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Answer the request."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong, unless that was said already."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _take(self, size: int) -> None:
        """Count what was read: what comes at once may have its end, and a body, in it."""
        self._taken += size
        if self._taken > MAX_HEAD:
            self._refuse()
            raise ValueError("too large headers")

    def _refuse(self) -> None:
        said = b"a request may have %d headers and %d KiB before its body" % (MAX_HEADERS, MAX_HEAD // 1024)
        self.transport.write(_TOO_LARGE % (len(said), said))
        self.transport.close()

    def _expect(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._in_head:
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
