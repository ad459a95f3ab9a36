"""Errors of Redis or another broker that no retry changes: an operator must see them at once."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator

from postings.errors import ConfigurationError

_HOST_MISMATCH = {62, 64}  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and …IP_ADDRESS_MISMATCH
_LOOK_SECONDS = 2.0

Place = tuple[str, int]


def refusal(error: BaseException, where: str, setting: str, plain: Place | None = None) -> ConfigurationError | None:
    """The error to raise for an error that no retry changes; ``None`` if a retry may help.

    Args:
        error: a library's error, with its causes.
        where: the server, as the message names it.
        setting: the variable that holds the server's URL.
        plain: host and port of a Redis that is used without TLS, to find out whether it needs TLS.
    """
    for cause in _causes(error):
        for why in (_of_tls, _of_redis, _of_amqp):
            if (words := why(cause, setting)) is not None:
                return ConfigurationError(f"{where}{words}")
        hung_up = isinstance(cause, ConnectionResetError) or "closed by server" in str(cause)
        if plain is not None and hung_up and _speaks_tls(plain):
            return ConfigurationError(f"{where} speaks TLS: write rediss:// in {setting}")
    return None


def is_read_only(error: BaseException) -> bool:
    """Whether a Redis takes no writes: it is a replica, perhaps only until a failover is over."""
    import redis.exceptions as known

    return any(isinstance(cause, known.ReadOnlyError) for cause in _causes(error))


def _of_tls(error: BaseException, setting: str) -> str | None:
    match error:
        case ssl.SSLCertVerificationError():
            advice = (
                f"use a host name in {setting} that the certificate is for"
                if error.verify_code in _HOST_MISMATCH
                else "set POSTINGS_REDIS_CA to the file of the CA certificates"
                if setting == "POSTINGS_REDIS_URL"
                else "set SSL_CERT_FILE to the file of the CA certificates"
            )
            return f": its certificate isn't accepted ({error.verify_message}): {advice}"
        case ssl.SSLError() if "WRONG_VERSION_NUMBER" in str(error) or "RECORD_LAYER_FAILURE" in str(error):
            return f" doesn't speak TLS: write redis:// (or amqp://) in {setting}"
        case ssl.SSLError() if "CERTIFICATE_REQUIRED" in str(error):
            return f" requires a client certificate: add ssl_certfile=…&ssl_keyfile=… to {setting}"
    return None


def _of_redis(error: BaseException, setting: str) -> str | None:
    import redis.exceptions as known

    words = str(error)
    match error:
        case known.AuthenticationError() | known.AuthenticationWrongNumberOfArgsError():
            return f" refuses the user or password in {setting}: {words}"
        case known.NoPermissionError():
            return (
                f" doesn't give the user in {setting} the permissions that are needed: {words}; with ACL SETUSER, "
                "allow the keys postings:*, all channels, and all commands except those for administrators "
                "(~postings:* &* +@all -@admin)"
            )
        case known.AskError() | known.ClusterCrossSlotError():
            return _of_cluster(words, setting)
        case known.ClusterDownError() if "slot" in words:  # otherwise the cluster may recover
            return _of_cluster(words, setting)
        case known.ReadOnlyError():
            return f" is a replica: set {setting} to the primary"
        case known.InvalidResponse():
            return f" isn't Redis; check the port in {setting}: {words:.200}"
        case known.ResponseError():
            return next((say(words, setting) for part, say in _BY_WORDS.items() if part in words), None)
    return None


def _of_cluster(words: str, setting: str) -> str:
    return (
        f" is a node of a cluster and doesn't hold all keys ({words}): set {setting} to a Redis that isn't in cluster "
        "mode"
    )


def _of_database(words: str, setting: str) -> str:
    return f" doesn't have the database in {setting}: {words}"


def _of_version(words: str, _: str) -> str:
    return f" is too old: Redis 7.0 or later, or Valkey, is needed: {words}"


def _of_protection(_: str, __: str) -> str:
    return " accepts only local clients: give it a password, or bind it to an address"


def _of_key(words: str, setting: str) -> str:
    return f" has keys of another application under the queue's names: use another database in {setting}: {words}"


_BY_WORDS: dict[str, Callable[[str, str], str]] = {
    "DB index is out of range": _of_database,
    "invalid DB index": _of_database,
    "SELECT is not allowed in cluster mode": _of_database,
    "compiling script": _of_version,
    "unknown command": _of_version,
    "WRONGTYPE": _of_key,
    "running in protected mode": _of_protection,
    "Running in protected mode": _of_protection,  # Valkey's wording
}


def _of_amqp(error: BaseException, setting: str) -> str | None:
    from amqp.exceptions import AccessRefused, NotAllowed  # type: ignore[import-untyped]

    if isinstance(error, AccessRefused | NotAllowed):
        return f" refuses the user, password or virtual host in {setting}: {error}"
    return None


def _speaks_tls(place: Place) -> bool:
    context = ssl.create_default_context()
    # Nothing is sent, so it doesn't matter who answers.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(place, _LOOK_SECONDS) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    while id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__ or error
