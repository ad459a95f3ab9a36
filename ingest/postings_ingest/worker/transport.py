"""kombu's transport for Redis, where it would end the worker.

Items in the broker's lists that no Celery put there go to the dead letters, and a connection may be lost.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis
from kombu.utils.json import loads

Keep = Callable[[bytes, str], None]


class GuardedRedis(kombu_redis.PrefixedStrictRedis):
    """Hands what kombu couldn't read to ``keep``, with the reason."""

    keep: ClassVar[Keep]

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        """A reply of Redis."""
        reply = super().parse_response(connection, command_name, **options)
        if command_name == "BRPOP" and reply and (reason := unreadable(reply[1])):
            type(self).keep(reply[1], reason)
            return None  # as if the list had been empty
        return reply


class GuardedChannel(kombu_redis.Channel):
    """A channel of such clients, that outlives the loss of its connection.

    Whoever closes it then, or acknowledges a message, would end the worker. Redis still has these messages, and kombu
    delivers them again; the ledger knows what of them is done.
    """

    def close(self) -> None:
        """Close it; messages in flight are put back if there is a connection."""
        if self._lost:
            self.do_restore = False
        super().close()

    def basic_ack(self, delivery_tag: str, **options: Any) -> None:
        """Acknowledge a message."""
        if not self._lost:
            super().basic_ack(delivery_tag, **options)

    def basic_reject(self, delivery_tag: str, **options: Any) -> None:
        """Put a message back, or drop it."""
        if not self._lost:
            super().basic_reject(delivery_tag, **options)

    @property
    def _lost(self) -> bool:
        return self.connection is None or self.connection.client is None

    def _get_client(self) -> Callable[..., Any]:
        return functools.partial(GuardedRedis, global_keyprefix=self.global_keyprefix)


class GuardedTransport(kombu_redis.Transport):
    """kombu's transport for Redis, with such channels."""

    Channel = GuardedChannel


def guard_redis(keep: Keep) -> None:
    """Let all connections of this process that are made from now on keep what they can't read."""
    GuardedRedis.keep = keep
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{GuardedTransport.__name__}"


def unreadable(item: bytes) -> str | None:
    """Why kombu couldn't make a message of an item of its list; ``None`` if it can."""
    try:
        message = loads(item)
    except Exception as error:  # JSON's errors, and whatever kombu's own types raise
        return f"it isn't JSON as kombu writes it: {error}"
    match message:
        case {
            "body": str(body),
            "headers": dict(),
            "properties": {
                "delivery_tag": str(),
                "delivery_info": {"exchange": str(), "routing_key": str()},
                **properties,
            },
        }:
            try:
                kombu_redis.Channel.decode_body(kombu_redis.Channel, body, properties.get("body_encoding"))
            except Exception as error:
                return f"its body can't be decoded: {error}"
            return None
    return "it has no body, headers and properties as kombu writes them"
