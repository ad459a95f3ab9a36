"""A batch whose announcement was lost is found and announced again."""

from __future__ import annotations

import pytest

from postings_ingest import Ledger
from postings_ingest.queue.ledger import BULK, INTERACTIVE
from tests.support.ledger import held, register
from tests.support.queue_keys import QueueKeys


def test_announcements_that_were_lost_are_found_when_overtaken_or_when_idle(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "lost")
    waiting = f"{keys.prefix}:waiting:{BULK}"
    keys.redis.zincrby(waiting, -100_000, "lost")  # a hundred seconds ago
    assert ledger.recover(30, idle=False) == []
    register(ledger, "later")
    ledger.start("later", 10)
    assert ledger.recover(30, idle=False) == [("lost", BULK)]
    assert ledger.recover(30, idle=False) == []
    register(ledger, "another", queue=INTERACTIVE)
    assert ledger.recover(30, idle=True) == []
    assert ledger.recover(0, idle=True) == [("another", INTERACTIVE), ("lost", BULK)]


def test_what_a_clock_that_was_set_back_left_ahead_is_found(ledger: Ledger, keys: QueueKeys) -> None:
    hour = 3600 * 1000
    register(ledger, "held")
    held(ledger.start("held", 10))
    register(ledger, "lost")
    keys.redis.zincrby(f"{keys.prefix}:leased", hour, "held")
    keys.redis.zincrby(f"{keys.prefix}:waiting:{BULK}", hour, "lost")
    assert set(ledger.recover(0, idle=True)) == {("held", BULK), ("lost", BULK)}


def test_an_interactive_announcement_that_was_lost_is_found_under_a_steady_bulk_load(
    ledger: Ledger, keys: QueueKeys
) -> None:
    register(ledger, "lost", queue=INTERACTIVE)
    keys.redis.zincrby(f"{keys.prefix}:waiting:{INTERACTIVE}", -100_000, "lost")
    register(ledger, "bulk")
    assert ledger.recover(30, idle=False) == []
    held(ledger.start("bulk", 10))  # a worker looked into the interactive queue first
    assert ledger.recover(30, idle=False) == [("lost", INTERACTIVE)]


def test_a_bulk_announcement_may_wait_while_interactive_batches_overtake_it(ledger: Ledger, keys: QueueKeys) -> None:
    register(ledger, "bulk")
    keys.redis.zincrby(f"{keys.prefix}:waiting:{BULK}", -100_000, "bulk")
    register(ledger, "a", queue=INTERACTIVE)
    held(ledger.start("a", 10))
    assert ledger.recover(30, idle=False) == []


@pytest.mark.parametrize("gone", ["waiting:bulk", "leased"])
def test_a_batch_that_no_set_names_any_more_waits_again(ledger: Ledger, gone: str, keys: QueueKeys) -> None:
    register(ledger, "a", 7)
    if gone == "leased":
        held(ledger.start("a", 10))
    keys.redis.delete(f"{keys.prefix}:{gone}")
    assert ledger.audit() == "0"
    assert ledger.recover(0, idle=True) == [("a", BULK)]
