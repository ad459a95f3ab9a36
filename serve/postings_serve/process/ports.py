"""The port that a service listens on."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Sequence

from postings.errors import ConfigurationError

_BACKLOG = 2048
_SO_ATTACH_FILTER = 26
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte with the flags of TCP
    (0x45, 0, 1, 0x02),  # is SYN among them?
    (0x06, 0, 0, 0),  # then drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # else take all of it
)
"""A program of the Berkeley Packet Filter."""


def listening(host: str, port: int) -> list[socket.socket]:
    """Listen on a port, at all addresses of a host: clients wait until somebody accepts their connections.

    Args:
        host: a name or an address of this machine.
        port: 0 picks a free one.

    Raises:
        ConfigurationError: this machine has no such address, or the port is in use, or not allowed.
    """
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            sockets.append(opened := socket.socket(family, kind, protocol))
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((address[0], port, *address[2:]))
            opened.listen(_BACKLOG)
            port = opened.getsockname()[1]
    except OSError as error:
        close(sockets)
        advice = ": choose another with --port" if error.errno == errno.EADDRINUSE else ""
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"{host}:{port} can't be opened: {reason}{advice}") from error
    return sockets


def close(sockets: Sequence[socket.socket]) -> None:
    """Close the port."""
    for each in sockets:
        each.close()


def refuse_new(sockets: Sequence[socket.socket]) -> None:
    """Let no further client connect, while those that have connected are still accepted.

    To close a port resets what waits in its backlog, though those clients have sent their requests. So a filter drops
    the first packet of all others, who try again, and find the port closed. It isn't enough to accept all that wait and
    then close: under load others come in between, and one of 60 such closings was measured to reset a client. Only
    Linux has such filters; elsewhere, this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in _DROP_SYN))
    attached = struct.pack("@HP", len(_DROP_SYN), ctypes.addressof(program))
    for each in sockets:
        with contextlib.suppress(OSError):  # a sandbox may not have them
            each.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
