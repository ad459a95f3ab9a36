"""Clients of a service in one process: each sends its next search when the last is answered, over one connection.

    python -m benchmarks.serve_load PORT QUERIES --clients 32 --seconds 10 --requests 1000 --options '{"words": 0}'

QUERIES is a file of one query a line. Every answer is read and checked. Prints JSON: requests, how many of them failed,
why the first did, the seconds they took, their latencies' quantiles, and the processor time that the clients themselves
used. Plain asyncio rather than an HTTP library, because the clients share the machine with the service.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvloop
from pydantic_core import from_json

HITS = 10
PATIENCE = 300.0
"""Seconds within which an answer must come."""

_LENGTH = b"\r\ncontent-length: "


class Load:
    """What all clients share: what is left to ask, and what came back.

    Args:
        queries: asked in turns.
        options: of each search.
        seconds, requests: after these no request is sent, whichever comes last.
    """

    def __init__(self, queries: Sequence[str], options: Mapping[str, Any], seconds: float, requests: int) -> None:
        self._bodies = [_request(json.dumps({"query": query, **options}).encode()) for query in queries]
        self._explain = options.get("explain", False)
        self._requests, self._ends = requests, time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.sent = self.failed = 0
        self.first_failure = ""

    def requests(self) -> Iterator[bytes]:
        """The requests of one client."""
        while self.sent < self._requests or time.perf_counter() < self._ends:
            self.sent += 1
            yield self._bodies[self.sent % len(self._bodies)]

    def count(self, seconds: float, problem: str) -> None:
        """Count an answer."""
        self.latencies.append(seconds)
        if problem:
            self.failed += 1
            self.first_failure = self.first_failure or problem

    def problem(self, head: bytes, body: bytes) -> str:
        """What is wrong with an answer; empty if nothing is."""
        if not head.startswith(b"HTTP/1.1 200 "):
            return f"{head[:40]!r} {body[:200]!r}"
        try:
            hits = from_json(body)["hits"]
            whole = all(hit["id"] and hit["text"] and hit["score"] > 0 for hit in hits)
            explained = not self._explain or all(hit["contributions"] for hit in hits)
        except (ValueError, KeyError, TypeError) as error:
            return f"{error!r} in {body[:200]!r}"
        return "" if len(hits) == HITS and whole and explained else f"{len(hits)} hits: {body[:200]!r}"


def _request(body: bytes) -> bytes:
    head = "POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
    return head.format(len(body)).encode() + body


class Client(asyncio.Protocol):
    """One connection, which has one request under way; ``ended`` is set when there is nothing more to ask."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests = load.requests()
        self._read = bytearray()
        self._loop = asyncio.get_running_loop()
        self.ended = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def data_received(self, data: bytes) -> None:
        self._read += data
        if (end := self._read.find(b"\r\n\r\n")) < 0:
            return
        head = bytes(self._read[:end])
        at = head.lower().find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].partition(b"\r")[0]) if at >= 0 else 0
        if len(self._read) < end + 4 + length:
            return
        taken = time.perf_counter() - self._began
        self._late.cancel()
        self._load.count(taken, self._load.problem(head, bytes(self._read[end + 4 :])))
        self._read.clear()
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self._late.cancel()
            self._load.count(PATIENCE, f"no answer came: {exc}")
            self.ended.set_result(None)

    def _send(self) -> None:
        if (request := next(self._requests, None)) is None:
            self.ended.set_result(None)
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._late = self._loop.call_later(PATIENCE, self._transport.abort)
        self._transport.write(request)


async def run(port: int, load: Load, clients: int) -> None:
    loop = asyncio.get_running_loop()
    ended = []
    for _ in range(clients):
        _, client = await loop.create_connection(lambda: Client(load), "127.0.0.1", port)
        ended.append(client.ended)
    await asyncio.gather(*ended)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve_load")
    parser.add_argument("port", type=int)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--options", type=json.loads, default={})
    arguments = parser.parse_args()
    queries = arguments.queries.read_text(encoding="utf-8").splitlines()
    began, used = time.perf_counter(), time.process_time()
    load = Load(queries, arguments.options, arguments.seconds, arguments.requests)
    uvloop.run(run(arguments.port, load, arguments.clients))
    seconds = time.perf_counter() - began
    latencies = sorted(load.latencies)
    found = {
        "requests": len(latencies),
        "failed": load.failed,
        "first_failure": load.first_failure,
        "seconds": seconds,
        **{f"p{percent}": latencies[(len(latencies) * percent) // 100] for percent in (50, 99)},
        "used": time.process_time() - used,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
