"""A queue at its limit, or in a Redis that is nearly full, takes no more documents."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from postings import Settings
from postings.errors import QueueFull
from postings_ingest import Counts, Ledger
from postings_ingest.queue.dead_letters import letter
from tests.support.ledger import held, register
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer


def test_a_full_queue_takes_no_more_but_one_batch_always_fits(settings: Settings) -> None:
    ledger = Ledger(settings.model_copy(update={"queue_limit": 10}))
    register(ledger, "a", 15)
    with pytest.raises(QueueFull, match=r"holds 15 documents, and 1 more would exceed the limit of 10 \(POSTINGS_"):
        register(ledger, "b", 1)
    lease = held(ledger.start("a", 10))
    with pytest.raises(QueueFull):
        register(ledger, "b", 1)
    ledger.finish(lease, Counts(indexed=15))
    register(ledger, "b", 1)


def test_a_redis_that_is_nearly_full_takes_no_documents_but_all_that_workers_write(
    settings: Settings, limited_redis: RedisServer
) -> None:
    settings = settings.model_copy(update={"redis_url": SecretStr(limited_redis.url)})
    ledger, keys = Ledger(settings), QueueKeys(settings)
    register(ledger, "a")
    register(ledger, "b")
    keys.redis.config_set("maxmemory", 1)
    with pytest.raises(QueueFull, match=r"of its maxmemory of 0 MiB: documents are accepted up to 80 % of it"):
        register(ledger, "c")
    lease = held(ledger.start("a", 10))
    assert ledger.begin(lease)
    ledger.renew(["a"], 10)
    assert ledger.recover(10, idle=True) == []
    assert ledger.finish(lease, Counts(), [letter({"delete": {"id": "x", "version": None}}, "Error", "reason", 7)])
    assert ledger.release(held(ledger.start("b", 10)))
    keys.redis.config_set("maxmemory", 0)
    assert register(ledger, "c") > 0
