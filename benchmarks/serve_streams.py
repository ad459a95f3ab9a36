"""Listeners to the events of one job that doesn't end: ``python -m benchmarks.serve_streams PORT PATH NUMBER``.

Prints ``open`` when each has received the job's counts. At the end of its input it prints how many are still open.
"""

from __future__ import annotations

import asyncio
import sys

_CONNECTING = 50
_CHUNK = 4096


async def listen(port: int, path: str, number: int) -> None:
    places = asyncio.Semaphore(_CONNECTING)
    streams = await asyncio.gather(*(_open(port, path, places) for _ in range(number)))
    print("open", flush=True)
    readers = [asyncio.create_task(_read(reader)) for reader, _ in streams]
    await asyncio.to_thread(sys.stdin.read)
    print(sum(not each.done() for each in readers), flush=True)


async def _open(port: int, path: str, places: asyncio.Semaphore) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with places:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await reader.readuntil(b"event: counts")
        return reader, writer


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(_CHUNK):
        pass


if __name__ == "__main__":
    asyncio.run(listen(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
