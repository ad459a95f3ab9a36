"""How Redis could lose accepted documents, judged by its settings."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from postings_ingest.queue.redis_client import RedisClient

if TYPE_CHECKING:
    from postings_ingest.queue.ledger import Ledger

log = logging.getLogger(__name__)

_NAMES = ("appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy")
_warned: set[str] = set()
_lock = threading.Lock()


def risks(client: RedisClient) -> list[str]:
    """How Redis could lose documents that it has accepted, in one sentence each; none if it keeps everything.

    Raises:
        BrokerUnavailable: Redis can't be reached.
    """
    found = _settings(client)
    lines: list[str] = []
    if found.get("appendonly") == "no":
        snapshots = bool(found.get("save", "unknown"))
        lost = "what was accepted since its last snapshot" if snapshots else "everything, as it writes no snapshots"
        lines.append(f"{client.address} keeps no append-only file: when it stops, it loses {lost}; set appendonly yes")
    elif found.get("appendfsync") == "no":
        lines.append(
            f"{client.address} leaves it to the system when to write its append-only file: when the machine fails, it "
            "loses what was accepted in the last half minute or so; set appendfsync everysec"
        )
    policy = found.get("maxmemory-policy", "")
    limited = found.get("maxmemory", "0") != "0"
    if policy.startswith("allkeys-"):
        when = "when its memory is full" if limited else "as soon as it has a maxmemory and that is full"
        lines.append(
            f"{client.address} drops accepted documents {when}: its maxmemory-policy is {policy}; "
            "set maxmemory-policy noeviction"
        )
    elif policy.startswith("volatile-") and limited:
        lines.append(
            f"{client.address} drops the counts of jobs when its memory is full, so that waiting for a job fails: "
            f"its maxmemory-policy is {policy}; set maxmemory-policy noeviction"
        )
    return lines


def warn_of_losses(ledger: Ledger) -> None:
    """Log how Redis could lose accepted documents, once for each Redis in this process.

    Raises:
        BrokerUnavailable: Redis can't be reached.
    """
    with _lock:
        if ledger.address in _warned:
            return
    lines = ledger.risks()
    with _lock:
        if ledger.address in _warned:
            return
        _warned.add(ledger.address)
    for line in lines:
        log.warning("%s", line)


def _settings(client: RedisClient) -> dict[str, str]:
    """Redis' settings of persistence and memory: without ``save`` or empty if it refuses to show them."""
    import redis

    with client.errors():
        try:
            # One by one: older versions take a single name.
            return {str(name): str(value) for each in _NAMES for name, value in client.redis.config_get(each).items()}
        except redis.exceptions.ResponseError as error:  # a managed Redis has no CONFIG, an ACL may forbid it
            log.debug("%s doesn't show its settings: %s", client.address, error)
        try:
            info = {**client.redis.info("persistence"), **client.redis.info("memory")}
        except redis.exceptions.ResponseError as error:
            log.debug("%s doesn't show its state: %s", client.address, error)
            return {}
    return {
        "appendonly": "yes" if int(info.get("aof_enabled", 1)) else "no",
        "maxmemory": str(info.get("maxmemory", 0)),
        "maxmemory-policy": str(info.get("maxmemory_policy", "")),
    }
