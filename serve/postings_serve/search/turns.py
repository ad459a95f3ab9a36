"""One after another: what a caller may do only once at a time."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """A lock for each caller, which is forgotten when nobody holds it or waits for it.

    Example:
        >>> turns = Turns()
        >>> async def work():
        ...     async with turns.of("ann"):
        ...         return turns.of("ann").locked(), turns.of("bob").locked()
        >>> asyncio.run(work())
        (True, False)
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, caller: str) -> asyncio.Lock:
        """The lock of a caller."""
        return self._locks.setdefault(caller, asyncio.Lock())
