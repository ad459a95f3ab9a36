"""How many requests a caller may make."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from postings_serve.http.problems import Problem

if TYPE_CHECKING:
    from limits.aio.strategies import RateLimiter

    from postings import Settings

log = logging.getLogger(__name__)

_AWAY_SECONDS = 10


class Rate:
    """Refuses callers that make more requests than ``serve_rate``, in any window of that length.

    Processes that serve one Qdrant server count together, in Redis; while it can't be reached, each counts alone.

    Args:
        settings: ``serve_rate``, and ``redis_url`` where the index is a server.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit: Any = None
        self._away_until = 0.0
        if settings.serve_rate is not None:
            from limits import parse
            from limits.aio.storage import MemoryStorage
            from limits.aio.strategies import MovingWindowRateLimiter

            self._limit = parse(settings.serve_rate)
            self._alone: RateLimiter = MovingWindowRateLimiter(MemoryStorage())
            self._together = None if settings.index_folder else _in_redis(settings)

    async def check(self, caller: str) -> None:
        """Count a request.

        Raises:
            Problem: 429, with the seconds to wait in ``Retry-After``.
        """
        if self._limit is None:
            return
        wait = await self._wait(caller)
        if wait is not None:
            raise Problem(
                429,
                "too-many-requests",
                f"more than {self._limit}: try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )

    async def _wait(self, caller: str) -> int | None:
        """Count a request; returns the seconds to wait if it is one too many."""
        if self._together is not None and time.monotonic() >= self._away_until:
            try:
                return await _counted(self._together, self._limit, caller)
            except Exception as error:
                self._away_until = time.monotonic() + _AWAY_SECONDS
                log.warning("rates are counted in this process alone for %d s: %s", _AWAY_SECONDS, error)
        return await _counted(self._alone, self._limit, caller)


async def _counted(limiter: RateLimiter, limit: Any, caller: str) -> int | None:
    if await limiter.hit(limit, caller):
        return None
    resets = (await limiter.get_window_stats(limit, caller)).reset_time
    return max(int(resets - time.time()) + 1, 1)


def _in_redis(settings: Settings) -> RateLimiter:
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import MovingWindowRateLimiter

    url = settings.redis_url.get_secret_value()
    return MovingWindowRateLimiter(RedisStorage(f"async+{url}", implementation="redispy", key_prefix="postings:rate"))
