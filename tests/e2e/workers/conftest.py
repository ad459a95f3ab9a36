"""Workers in processes of their own, with a queue and a collection for each test."""

from tests.integration.conftest import forgetful_redis, own_redis, redis_binary, redis_url
from tests.integration.queue.conftest import faults, keys, ledger, limited_redis, settings, start_worker

__all__ = [
    "faults",
    "forgetful_redis",
    "keys",
    "ledger",
    "limited_redis",
    "own_redis",
    "redis_binary",
    "redis_url",
    "settings",
    "start_worker",
]
