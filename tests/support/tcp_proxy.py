"""A TCP proxy that misbehaves as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from enum import StrEnum
from typing import Self


class Fault(StrEnum):
    """What happens to each connection."""

    NONE = "none"
    REFUSE = "refuse"
    """It is closed at once."""
    DROP = "drop"
    """It is closed when the request has gone through, before the answer."""
    RESET = "reset"
    """Likewise, by an RST."""
    HALF_OPEN = "half-open"
    """The request goes through, no answer ever comes."""
    DEAF = "deaf"
    """Nothing is read, nothing is said."""
    SLOW = "slow"
    """The answer comes a byte at a time, ten a second."""
    DELAY = "delay"
    """The answer comes a little late."""
    CUT = "cut"
    """Half of the answer comes."""


class TcpProxy:
    """Listens at ``host``, on a port of its own or on ``own``, and passes everything on to another.

    Attributes:
        fault: of connections from now on.
        faults_left: how many it strikes, ``None`` for all.
        struck: how many it has struck.
    """

    def __init__(self, port: int, own: int = 0, host: str = "127.0.0.1") -> None:
        self.fault = Fault.NONE
        self.faults_left: int | None = None
        self.struck = 0
        self._target = port
        self._request = b""
        self._own = own
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listening,), daemon=True)
        self._thread.start()
        listening.wait()

    def strike(self, fault: Fault, times: int | None = None, request: bytes = b"") -> None:
        """Misbehave from now on, for so many connections; those that are open are closed.

        Args:
            fault: one that strikes answers, if ``request`` is given.
            times: how many connections; ``None`` for all.
            request: strike only the connections on which a request has these bytes, once it comes.
        """
        self.fault, self.faults_left, self.struck, self._request = fault, times, 0, request
        self._loop.call_soon_threadsafe(lambda: [writer.close() for writer in self._open])

    def lead_to(self, port: int) -> None:
        """Pass new connections on to another port, as a name that is given to another machine."""
        self._target = port

    def heal(self) -> None:
        """Behave."""
        self.fault = Fault.NONE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self, listening: threading.Event) -> None:
        async def serve() -> None:
            self._end = asyncio.Event()
            server = await asyncio.start_server(self._connection, self._host, self._own)
            self.port = int(server.sockets[0].getsockname()[1])
            self.url = f"http://{self._host}:{self.port}"
            listening.set()
            await self._end.wait()
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.05)  # for the transports to close

        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(serve())
        self._loop.close()

    def _strikes(self) -> Fault:
        if self.fault is Fault.NONE or self.faults_left == 0:
            return Fault.NONE
        if self.faults_left is not None:
            self.faults_left -= 1
        self.struck += 1
        return self.fault

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = self._request
        fault = Fault.NONE if request else self._strikes()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            if fault is Fault.REFUSE:
                writer.close()
                return
            if fault is Fault.DEAF:
                try:
                    await asyncio.sleep(3600)
                finally:
                    writer.close()
            self._open.add(writer)
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
            asked = bytearray()
            there = asyncio.ensure_future(_pass_on(reader, server_writer, asked))
            try:
                await self._answers(server_reader, writer, fault, request, asked)
            finally:
                there.cancel()
                self._open.discard(writer)
                server_writer.close()
                writer.close()

    async def _answers(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fault: Fault,
        request: bytes,
        asked: bytearray,
    ) -> None:
        while data := await reader.read(65536):
            if request and request in asked:
                fault = self._strikes()
            asked.clear()
            match fault:
                case Fault.DROP:
                    return
                case Fault.RESET:
                    raw = writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                case Fault.HALF_OPEN:
                    await asyncio.sleep(3600)
                case Fault.DELAY:
                    await asyncio.sleep(0.1)
                case Fault.CUT:
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    return
                case Fault.SLOW:
                    for byte in data:
                        writer.write(bytes([byte]))
                        await writer.drain()
                        await asyncio.sleep(0.1)
                    continue
            writer.write(data)
            await writer.drain()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            asked += data
            writer.write(data)
            await writer.drain()
