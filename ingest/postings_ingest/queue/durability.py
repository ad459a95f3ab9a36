"""How a Redis may lose accepted documents, judged by its settings."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postings_ingest.queue.ledger import Ledger

log = logging.getLogger(__name__)

_NAMES = ("appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy")
_warned: set[str] = set()
_lock = threading.Lock()


def risks(ledger: Ledger) -> list[str]:
    """How Redis may lose documents that it has accepted: one sentence for each way, none if it keeps everything.

    Raises:
        BrokerUnavailable: Redis can't be reached.
    """
    found = _settings(ledger)
    lines: list[str] = []
    if found.get("appendonly") == "no":
        snapshots = bool(found.get("save", "unknown"))
        lost = "what was accepted since its last snapshot" if snapshots else "everything, for it writes no snapshots"
        lines.append(f"{ledger.where} keeps no append-only file: when it stops, it loses {lost}; set appendonly yes")
    elif found.get("appendfsync") == "no":
        lines.append(
            f"{ledger.where} leaves it to the system when to write its append-only file: when the machine fails, it "
            "loses what was accepted in the last half minute or so; set appendfsync everysec"
        )
    policy = found.get("maxmemory-policy", "")
    limited = found.get("maxmemory", "0") != "0"
    if policy.startswith("allkeys-"):
        when = "when its memory is full" if limited else "as soon as it has a maxmemory and that is full"
        lines.append(
            f"{ledger.where} drops accepted documents {when}: its maxmemory-policy is {policy}; "
            "set maxmemory-policy noeviction"
        )
    elif policy.startswith("volatile-") and limited:
        lines.append(
            f"{ledger.where} drops the counts of jobs when its memory is full, and whoever waits for a job no longer "
            f"finds it: its maxmemory-policy is {policy}; set maxmemory-policy noeviction"
        )
    return lines


def warn_of_losses(ledger: Ledger) -> None:
    """Log :func:`risks`, once for each Redis in this process.

    Raises:
        BrokerUnavailable: Redis can't be reached.
    """
    with _lock:
        if ledger.where in _warned:
            return
    lines = risks(ledger)
    with _lock:
        if ledger.where in _warned:
            return
        _warned.add(ledger.where)
    for line in lines:
        log.warning("%s", line)


def _settings(ledger: Ledger) -> dict[str, str]:
    """Those of Redis that decide it; without ``save``, and in the end empty, where it refuses to say."""
    import redis

    with ledger.errors():
        try:
            # One by one: older ones take a single name.
            return {str(name): str(value) for each in _NAMES for name, value in ledger.redis.config_get(each).items()}
        except redis.exceptions.ResponseError as error:  # a managed Redis has no CONFIG, an ACL may forbid it
            log.debug("%s doesn't tell its settings: %s", ledger.where, error)
        try:
            told = {**ledger.redis.info("persistence"), **ledger.redis.info("memory")}
        except redis.exceptions.ResponseError as error:
            log.debug("%s tells nothing of itself: %s", ledger.where, error)
            return {}
    return {
        "appendonly": "yes" if int(told.get("aof_enabled", 1)) else "no",
        "maxmemory": str(told.get("maxmemory", 0)),
        "maxmemory-policy": str(told.get("maxmemory_policy", "")),
    }
