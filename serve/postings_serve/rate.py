"""How many requests a caller may make."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from postings_serve.http.problems import Problem

if TYPE_CHECKING:
    from limits.aio.strategies import RateLimiter

    from postings import Settings

log = logging.getLogger(__name__)


class Rate:
    """Refuses callers that make more requests than ``serve_rate``, in any window of that length.

    Processes that serve one Qdrant server count together, in Redis; while it can't be reached, each counts alone.

    Args:
        settings: ``serve_rate``, and ``redis_url`` where the index is a server.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit = None
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
        limiter = self._together or self._alone
        try:
            allowed = await limiter.hit(self._limit, caller)
        except Exception as error:
            if limiter is self._alone:
                raise
            log.warning("rates are counted in this process alone: %s", error)
            limiter, self._together = self._alone, None
            allowed = await limiter.hit(self._limit, caller)
        if not allowed:
            resets = (await limiter.get_window_stats(self._limit, caller)).reset_time
            wait = max(int(resets - time.time()) + 1, 1)
            raise Problem(
                429,
                "too-many-requests",
                f"more than {self._limit}: try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )


def _in_redis(settings: Settings) -> RateLimiter:
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import MovingWindowRateLimiter

    url = settings.redis_url.get_secret_value()
    return MovingWindowRateLimiter(RedisStorage(f"async+{url}", implementation="redispy", key_prefix="postings:rate"))
