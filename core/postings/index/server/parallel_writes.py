"""Several write requests at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from postings.index.protocol import Point
from postings.index.server.conversion import portions


class ParallelWrites:
    """Sends points in requests of 64 points or 8 MB.

    Args:
        streams: requests that are sent at once, by all calls together.
    """

    def __init__(self, streams: int) -> None:
        self._streams = asyncio.Semaphore(streams)

    async def run(self, write: Callable[[Sequence[Point]], Awaitable[None]], points: Sequence[Point]) -> None:
        """Call ``write`` with portions of the points; after a failure, no other request is begun.

        Raises:
            Exception: the first error of ``write``.
        """
        failures: list[Exception] = []

        async def send(portion: Sequence[Point]) -> None:
            async with self._streams:
                # A failed request took all of its time: each further one would take as long.
                if failures:
                    return
                try:
                    await write(portion)
                except Exception as error:
                    failures.append(error)

        await asyncio.gather(*map(send, portions(points)))
        if failures:
            raise failures[0]
