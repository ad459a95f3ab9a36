"""Which collections have documents in the queue."""

from __future__ import annotations

from postings import PostingsError, Settings
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.redis_client import RedisClient


def pending_collections(settings: Settings, client: RedisClient) -> list[str]:
    """The names of all collections with documents that are queued or in flight, sorted.

    Raises:
        BrokerUnavailable: Redis can't be reached.
    """
    start, _, end = client.key("counts").partition(f"{{{settings.collection}}}")
    with client.errors():
        keys = [str(key) for key in client.redis.scan_iter(match=f"{start}{{*}}{end}", count=1000)]
    names = [key.removeprefix(start)[1:].removesuffix(end)[:-1] for key in keys]
    return sorted(name for name in names if _has_work(settings, name, client))


def _has_work(settings: Settings, collection: str, client: RedisClient) -> bool:
    try:
        one = settings.of_collection(collection)
        depth = Ledger(one, client.of_collection(one)).depth()
    except PostingsError:  # a key of somebody else's
        return False
    return depth.queued + depth.in_flight > 0
