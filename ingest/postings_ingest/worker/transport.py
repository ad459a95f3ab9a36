"""kombu's transport for Redis, guarded where an error would end the worker.

Items in the broker's lists that kombu can't read become dead letters, and a lost connection does no harm.
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
    """A client that passes items that kombu couldn't read to ``keep``, with the reason."""

    keep: ClassVar[Keep]

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        """Read a reply of Redis."""
        reply = super().parse_response(connection, command_name, **options)
        if command_name == "BRPOP" and reply and (reason := unreadable(reply[1])):
            type(self).keep(reply[1], reason)
            return None  # as if the list had been empty
        return reply


class GuardedChannel(kombu_redis.Channel):
    """A channel with guarded clients that survives the loss of its connection.

    In kombu's channel, closing or acknowledging after the loss would end the worker. Redis still has the messages, and
    kombu delivers them again; the ledger knows which of them are done.
    """

    def close(self) -> None:
        """Close it; messages in flight are requeued if there is a connection."""
        if self._lost:
            self.do_restore = False
        super().close()

    def basic_ack(self, delivery_tag: str, **options: Any) -> None:
        """Acknowledge a message."""
        if not self._lost:
            super().basic_ack(delivery_tag, **options)

    def basic_reject(self, delivery_tag: str, **options: Any) -> None:
        """Requeue a message, or drop it."""
        if not self._lost:
            super().basic_reject(delivery_tag, **options)

    @property
    def _lost(self) -> bool:
        return self.connection is None or self.connection.client is None

    def _get_client(self) -> Callable[..., Any]:
        return functools.partial(GuardedRedis, global_keyprefix=self.global_keyprefix)


class GuardedTransport(kombu_redis.Transport):
    """kombu's transport for Redis, with guarded channels."""

    Channel = GuardedChannel


def guard_redis(keep: Keep) -> None:
    """Use guarded clients for all connections that this process opens from now on."""
    GuardedRedis.keep = keep
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{GuardedTransport.__name__}"


def unreadable(item: bytes) -> str | None:
    """Why kombu can't read an item of its list; ``None`` if it can."""
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
