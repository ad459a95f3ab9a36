"""Checks of the addresses in settings, so that a wrong one is reported when the settings are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from postings.secrets import check_address, redacted

SERVER = ("http://", "https://")
REST_PORT = 6333
"""Qdrant's port, for an ``http://`` address without one."""
HTTPS_PORT = 443
"""The port of a proxy, for an ``https://`` address without one."""

REDIS_SCHEMES = ("redis", "rediss", "unix")
_REDIS_OPTIONS = (
    "client_name",
    "db",
    "health_check_interval",
    "max_connections",
    "password",
    "protocol",
    "retry_on_timeout",
    "socket_connect_timeout",
    "socket_keepalive",
    "socket_timeout",
    "username",
)
_REDIS_ADVICE = {
    "valkey": "write redis://, which Valkey accepts",
    "valkeys": "write rediss://, which Valkey accepts",
    "redis+socket": "write unix:///PATH?db=0",
    "redis+unix": "write unix:///PATH?db=0",
    "redis-socket": "write unix:///PATH?db=0",
}
_ONE_REDIS = "expected the address of one Redis: use that of the primary, or of a proxy to it"

_MISTYPED = re.compile(
    r"https?(:|//|\\)|//|\\\\|(?!edge:|[a-z]:[/\\])[^/\\]*:.*@",  # the single letter is a drive of Windows
    re.IGNORECASE | re.DOTALL,
)
"""A mistyped address, which would be taken for a folder: its scheme is missing or incomplete."""
_HOST_AND_PORT = re.compile(r"\s*(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d+(?=[/?#,;\s]|$)")
_HOST = re.compile(r"localhost|([A-Za-z0-9-]+\.)+(com|net|org|io|dev|cloud|app|ai|internal|local|svc)", re.IGNORECASE)


def checked_index_url(url: str) -> str:
    """Check that a URL is a folder, ``edge:FOLDER``, or one or several addresses of a Qdrant server; normalize it.

    Raises:
        ValueError: the URL is none of them; the message shows no passwords.

    Example:
        >>> checked_index_url("HTTP://a:6333, http://b:6333")
        'http://a:6333,http://b:6333'
    """
    url = re.sub(r"(^|,\s*)https?://", lambda found: found[0].lower(), url, flags=re.IGNORECASE)
    urls = server_addresses(url)
    if urls or "://" in url:
        for each in urls or [url]:
            check_address(each)
            _check_server(each)
    elif (name := _address_without_scheme(url)) is not None:
        raise ValueError(
            f"this looks like the address of a server: put http:// or https:// in front, or edge: if it is a folder, "
            f"got {name!r}"
        )
    if len({each.partition("://")[:2] for each in urls}) > 1:
        raise ValueError(
            "several addresses must be separated by commas, and all start with http:// or all with https://"
        )
    return ",".join(urls) or url


def server_addresses(url: str) -> list[str]:
    """The addresses of a Qdrant server or cluster in a URL; none if it is a folder.

    Example:
        >>> server_addresses("https://a, https://b:6335/x,")
        ['https://a', 'https://b:6335/x']
    """
    return [each.strip() for each in url.split(",") if each.strip()] if url.startswith(SERVER) else []


def with_port(url: str) -> str:
    """A server's address with its port, or else the default port.

    Example:
        >>> with_port("https://example.com/qdrant"), with_port("http://user:pw@[::1]")
        ('https://example.com:443/qdrant', 'http://user:pw@[::1]:6333')
    """
    found = urlsplit(url)
    if found.port is not None:
        return url
    port = HTTPS_PORT if found.scheme == "https" else REST_PORT
    return found._replace(netloc=f"{found.netloc.removesuffix(':')}:{port}").geturl()


def check_redis_url(url: str) -> None:
    """Raise ``ValueError`` unless a URL is the address of one Redis, as both redis-py and kombu read it.

    Example:
        >>> check_redis_url("redis://localhost?db=3")
        >>> check_redis_url("sentinel://localhost:26379/0")
        Traceback (most recent call last):
        ...
        ValueError: expected the address of one Redis: use that of the primary, or of a proxy to it, got 'sentinel://localhost:26379/0'
    """
    scheme, found, shown = _scheme(url), urlsplit(url), redacted(url)
    if scheme not in REDIS_SCHEMES:
        advice = _ONE_REDIS if re.search("sentinel|cluster", scheme) else _REDIS_ADVICE.get(scheme)
        raise ValueError(f"{advice or 'expected redis://, rediss:// or unix://'}, got {shown!r}")
    if scheme == "unix" and not found.path.strip("/"):
        raise ValueError(f"expected the path of a socket, unix:///PATH?db=0, got {shown!r}")
    if scheme != "unix" and ("," in found.netloc or not re.fullmatch(r"/?\d*/?", found.path)):
        raise ValueError(
            f"{shown!r} can't be read: expected redis://USER:PASSWORD@HOST:PORT/DATABASE, with one host and the "
            "number of a database"
        )
    _check_options(scheme, found.query, found.fragment, shown)


def check_broker_url(url: str) -> None:
    """Raise ``ValueError`` unless a URL is the address of a Redis, or addresses of other brokers between semicolons.

    Example:
        >>> check_broker_url("amqp://a//;amqp://b//")
        >>> check_broker_url("amqp://a//;redis://b")
        Traceback (most recent call last):
        ValueError: all brokers must be of the same kind, got 'amqp://a//,redis://b'
    """
    # A password may contain a semicolon: `redacted` takes this into account if it gets the whole URL.
    schemes, shown = [_scheme(each) for each in url.split(";")], redacted(url)
    if not all(schemes):
        raise ValueError(
            f"expected a URL that begins with the kind of broker, such as redis:// or amqp://, got {shown!r}"
        )
    if len(set(schemes)) > 1:
        raise ValueError(f"all brokers must be of the same kind, got {shown!r}")
    scheme, *others = schemes
    if scheme in (*REDIS_SCHEMES, *_REDIS_ADVICE) or re.search("sentinel|cluster", scheme):
        if others:
            raise ValueError(f"{_ONE_REDIS}, got {shown!r}")
        check_redis_url(url)


def _check_server(url: str) -> None:
    found, shown = urlsplit(url), redacted(url)
    if found.scheme not in {"http", "https"}:
        raise ValueError(f"expected a folder, 'edge:PATH' or an http(s) URL, got {shown!r}")
    if not found.hostname:
        raise ValueError(f"the name of the server is missing, got {shown!r}")
    if found.query or found.fragment or "?" in url or "#" in url:
        raise ValueError(f"the address of a server must not have '?' or '#', got {shown!r}")
    if found.path.rstrip("/").endswith("/dashboard"):
        raise ValueError(f"this is Qdrant's web page: leave out /dashboard, got {shown!r}")


def _address_without_scheme(text: str) -> str | None:
    """The name of a folder that is probably a mistyped address, without secrets; ``None`` if it may be a folder."""
    if text.startswith("edge:") or not (_MISTYPED.match(text) or _names_server(text)):
        return None
    # A mistyped address can't be parsed: it is shown whole only if it can't contain a secret.
    return redacted(text) if set(text) & set("@?#") else text


def _names_server(text: str) -> bool:
    """Whether a text starts with the name of a server, or has one after an ``@``, as addresses with a token do."""
    if text.startswith(("/", "./", "../", "~/")):
        return False
    places = [text, *text.split("@")[1:]]
    if any(map(_HOST_AND_PORT.match, places)):
        return True
    hosts = [re.split("[/?#,]", place)[0].strip() for place in places]
    return any(_HOST.fullmatch(host) or _is_ip(host) for host in hosts) and not _exists(text)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no file can have this name
        return False


def _is_ip(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _scheme(url: str) -> str:
    return url.partition("://")[0] if "://" in url else ""


def _check_options(scheme: str, query: str, fragment: str, shown: str) -> None:
    if fragment:
        raise ValueError(f"{shown!r} can't be read: write a '#' in a password as %23")
    pairs: Sequence[tuple[str, str]] = parse_qsl(query, keep_blank_values=True)
    for at, (name, value) in enumerate(pairs):
        if name not in _REDIS_OPTIONS and not (name.startswith("ssl_") and scheme == "rediss"):
            known = ", ".join(_REDIS_OPTIONS) + (", or of TLS (ssl_…)" if scheme == "rediss" else "")
            # What looks like an option after a password may be the rest of it, after an "&".
            which = "an unknown option" if any("pass" in before for before, _ in pairs[:at]) else f"an option {name!r}"
            raise ValueError(f"{shown!r} has {which}: expected one of {known}")
        if name == "db" and not value.isdecimal():
            raise ValueError(f"{shown!r}: option 'db' must be the number of a database, such as db=0")
