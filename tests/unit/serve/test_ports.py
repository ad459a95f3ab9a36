from __future__ import annotations

import socket
import sys

import pytest

from postings.errors import ConfigurationError
from postings_serve.process.ports import close, listening, refuse_new


def test_a_free_port_is_the_same_at_each_address_of_a_host() -> None:
    sockets = listening("localhost", 0)
    try:
        addresses = [each.getsockname()[:2] for each in sockets]
        assert len({port for _, port in addresses}) == 1
        assert len({host for host, _ in addresses}) == len(sockets)
        for address in addresses:
            socket.create_connection(address, timeout=10).close()
    finally:
        close(sockets)


def test_a_port_in_use_and_an_unknown_host_are_said() -> None:
    taken = listening("127.0.0.1", 0)
    port = taken[0].getsockname()[1]
    try:
        with pytest.raises(
            ConfigurationError, match=rf"127\.0\.0\.1:{port} can't be opened: address already in use: cho"
        ):
            listening("127.0.0.1", port)
    finally:
        close(taken)
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1:0 can't be opened: cannot assign requested address$"):
        listening("192.0.2.1", 0)  # an address for documentation, which no machine has
    with pytest.raises(ConfigurationError, match=r"no\.such\.invalid:8000 can't be opened: "):
        listening("no.such.invalid", 8000)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has filters of packets at a socket")
def test_who_has_connected_is_still_answered_when_nobody_else_can() -> None:
    sockets = listening("127.0.0.1", 0)
    address = sockets[0].getsockname()
    try:
        with socket.create_connection(address, timeout=10) as early:
            refuse_new(sockets)
            early.sendall(b"asked")
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.3)
            accepted, _ = sockets[0].accept()
            with accepted:
                assert accepted.recv(5) == b"asked"
                accepted.sendall(b"answered")
            assert early.recv(8) == b"answered"
    finally:
        close(sockets)
