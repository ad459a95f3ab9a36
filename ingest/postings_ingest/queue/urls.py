"""The URLs of Redis and the broker, read in one way for redis-py and kombu, with TLS that is verified."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from postings.errors import ConfigurationError
from postings.secrets import redacted

if TYPE_CHECKING:
    from postings import Settings


def redis_url(settings: Settings) -> tuple[str, dict[str, Any]]:
    """The checked URL of the ledger's Redis, and the options to pass to redis-py; options in the URL override them.

    Raises:
        ConfigurationError: redis-py can't read ``redis_url``, or the file ``redis_ca`` can't be read.
    """
    url = settings.redis_url.get_secret_value()
    _options("redis_url", url)
    return url, _tls(settings) if url.startswith("rediss://") else {}


def broker_options(settings: Settings) -> dict[str, Any]:
    """Celery's settings for the connection to the broker.

    kombu reads Redis URLs differently from redis-py, and by default verifies no certificate. So redis-py reads the URL,
    and kombu gets the result.

    Raises:
        ConfigurationError: as :func:`redis_url`.
    """
    name, url = "redis_url", settings.redis_url.get_secret_value()
    if settings.broker_url is not None:
        name, url = "broker_url", settings.broker_url.get_secret_value()
    if name == "broker_url" and not re.match(r"(rediss?|unix)://", url):
        _check(url)
        if not url.startswith("amqps://"):
            return {"broker_url": url}
        url, tls = _amqps(url)
        return {"broker_url": url, "broker_use_ssl": tls}
    read = _options(name, url)
    user = "".join(f"{quote(read.get(part, ''), safe='')}{end}" for part, end in (("username", ":"), ("password", "@")))
    user = user if user != ":@" else ""
    if url.startswith("unix://"):
        path = quote(read.get("path", ""))
        return {"broker_url": f"redis+socket://{user}{path}?virtual_host={read.get('db', 0)}"}
    host = read.get("host", "localhost")
    place = f"[{host}]" if ":" in host else host
    scheme = url.partition(":")[0]
    found = {"broker_url": f"{scheme}://{user}{place}:{read.get('port', 6379)}/{read.get('db', 0)}"}
    if scheme == "redis":
        return found
    given = {option: value for option, value in read.items() if option.startswith("ssl_")}
    return found | {"broker_use_ssl": _tls(settings) | given}


def _options(name: str, url: str) -> dict[str, Any]:
    """The options that redis-py reads from a URL. Errors show only the host: the rest may be a password."""
    import redis

    try:
        pool = redis.ConnectionPool.from_url(url)
        pool.make_connection()  # it doesn't connect, but refuses unknown options
    except (ValueError, TypeError, redis.exceptions.RedisError):
        raise ConfigurationError(
            f"setting {name!r}: {redacted(url)!r} can't be read: expected redis://USER:PASSWORD@HOST:PORT/DATABASE, "
            "with options that redis-py knows"
        ) from None  # its message may quote the password
    return pool.connection_kwargs


def _check(urls: str) -> None:
    """Check that kombu knows the broker; its own errors would quote the URL."""
    from kombu.transport import TRANSPORT_ALIASES

    for url in urls.split(";"):
        if urlsplit(url).scheme.partition("+")[0] not in TRANSPORT_ALIASES:
            raise ConfigurationError(
                f"setting 'broker_url': {redacted(url)!r} can't be read: expected amqp://USER:PASSWORD@HOST:PORT/VHOST "
                "or another broker that kombu knows"
            )


def _amqps(url: str) -> tuple[str, dict[str, Any]]:
    """The URL without its TLS options, and these: ``ssl_ca_certs`` and ``ssl_cert_reqs``, as redis-py names them."""
    base, _, query = url.partition("?")
    options = dict(parse_qsl(query))
    ca, wanted = options.pop("ssl_ca_certs", None), options.pop("ssl_cert_reqs", "required")
    rest = "&".join(f"{name}={quote(value)}" for name, value in options.items())
    if wanted not in {"required", "none"}:
        raise ConfigurationError(f"setting 'broker_url': ssl_cert_reqs: expected 'required' or 'none', got {wanted!r}")
    url = f"{base}?{rest}" if rest else base
    if wanted == "none":
        return url, {"cert_reqs": ssl.CERT_NONE}
    context = {"check_hostname": True} | ({"cafile": _readable("broker_url", Path(ca))} if ca else {})
    return url, {"context": context, "server_hostname": urlsplit(base.partition(";")[0]).hostname}


def _tls(settings: Settings) -> dict[str, Any]:
    """The TLS options, which don't depend on the defaults of the library's version."""
    tls = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return tls | ({"ssl_ca_certs": _readable("redis_ca", settings.redis_ca)} if settings.redis_ca else {})


def _readable(name: str, path: Path) -> str:
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError as error:
        why = error.strerror or "it holds no certificate"
        raise ConfigurationError(f"setting {name!r}: the certificates in {path} can't be read: {why}") from error
    return str(path)
