"""The keys of a queue in Redis, for tests that look at them or change them."""

from __future__ import annotations

import redis

from postings import Settings


class QueueKeys:
    """A client of a collection's Redis, and the prefix of its queue's keys."""

    def __init__(self, settings: Settings) -> None:
        self.redis = redis.Redis.from_url(settings.redis_url.get_secret_value(), decode_responses=True)
        self.prefix = f"postings:{{{settings.collection}}}"

    def all(self) -> list[str]:
        return list(self.redis.scan_iter(f"{self.prefix}:*"))

    def delete_all(self) -> None:
        for key in self.all():
            self.redis.delete(key)
