"""What Redis or another broker refuses for good, told from what may pass: an operator must see it at once."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator

from postings.errors import ConfigurationError

_HOST_MISMATCH = {62, 64}  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and …IP_ADDRESS_MISMATCH
_LOOK_SECONDS = 2.0

Place = tuple[str, int]


def refusal(error: BaseException, where: str, setting: str, plain: Place | None = None) -> ConfigurationError | None:
    """What to say of an error that no retry changes; ``None`` if it may pass.

    Args:
        error: a library's, with its causes.
        where: the server, for the message.
        setting: the variable that names it.
        plain: host and port of a Redis that is spoken to without TLS, to see whether it wants TLS.
    """
    for cause in _causes(error):
        for why in (_of_tls, _of_redis, _of_amqp):
            if (words := why(cause, setting)) is not None:
                return ConfigurationError(f"{where}{words}")
        hung_up = isinstance(cause, ConnectionResetError) or "closed by server" in str(cause)
        if plain is not None and hung_up and _speaks_tls(plain):
            return ConfigurationError(f"{where} speaks TLS: write rediss:// in {setting}")
    return None


def _of_tls(error: BaseException, setting: str) -> str | None:
    match error:
        case ssl.SSLCertVerificationError():
            advice = (
                f"use the name that the certificate is made out for in {setting}"
                if error.verify_code in _HOST_MISMATCH
                else "name the file of the certificates that sign it in POSTINGS_REDIS_CA"
                if setting == "POSTINGS_REDIS_URL"
                else "name the file of the certificates that sign it in SSL_CERT_FILE"
            )
            return f": its certificate isn't accepted ({error.verify_message}): {advice}"
        case ssl.SSLError() if "WRONG_VERSION_NUMBER" in str(error) or "RECORD_LAYER_FAILURE" in str(error):
            return f" doesn't speak TLS: write redis:// (or amqp://) in {setting}"
        case ssl.SSLError() if "CERTIFICATE_REQUIRED" in str(error):
            return f" asks for a certificate of the client: add ssl_certfile=…&ssl_keyfile=… to {setting}"
    return None


def _of_redis(error: BaseException, setting: str) -> str | None:
    import redis.exceptions as known

    words = str(error)
    match error:
        case known.AuthenticationError() | known.AuthenticationWrongNumberOfArgsError():
            return f" refuses the user or password in {setting}: {words}"
        case known.NoPermissionError():
            return (
                f" doesn't allow what its user in {setting} must do: {words}; with ACL SETUSER, give it the keys "
                "postings:*, all channels, and all commands but those that only administrators need (+@all -@admin)"
            )
        case known.AskError() | known.ClusterCrossSlotError():
            return _of_cluster(words, setting)
        case known.ClusterDownError() if "slot" in words:  # otherwise it is a cluster that may come back
            return _of_cluster(words, setting)
        case known.ReadOnlyError():
            return f" is a replica: name the primary in {setting}"
        case known.InvalidResponse():
            return f": what answers isn't Redis; look at the port in {setting}: {words:.200}"
        case known.ResponseError():
            return next((say(words, setting) for part, say in _BY_WORDS.items() if part in words), None)
    return None


def _of_cluster(words: str, setting: str) -> str:
    return (
        f" is a node of a cluster and doesn't keep all keys ({words}): name in {setting} a Redis that isn't in cluster "
        "mode"
    )


def _of_database(words: str, setting: str) -> str:
    return f" doesn't have the database in {setting}: {words}"


def _of_version(words: str, _: str) -> str:
    return f": Redis 7.0 or later is needed, or Valkey: {words}"


def _of_protection(_: str, __: str) -> str:
    return " accepts only local clients: set a password for it, or bind it to an address"


def _of_key(words: str, setting: str) -> str:
    return (
        f" has keys of another application under the names of the queue's: use another database in {setting}: {words}"
    )


_BY_WORDS: dict[str, Callable[[str, str], str]] = {
    "DB index is out of range": _of_database,
    "invalid DB index": _of_database,
    "SELECT is not allowed in cluster mode": _of_database,
    "compiling script": _of_version,
    "unknown command": _of_version,
    "WRONGTYPE": _of_key,
    "running in protected mode": _of_protection,
    "Running in protected mode": _of_protection,  # Valkey's words
}


def _of_amqp(error: BaseException, setting: str) -> str | None:
    from amqp.exceptions import AccessRefused, NotAllowed  # type: ignore[import-untyped]

    if isinstance(error, AccessRefused | NotAllowed):
        return f" refuses the user, password or virtual host in {setting}: {error}"
    return None


def _speaks_tls(place: Place) -> bool:
    context = ssl.create_default_context()
    # Whoever answers is told nothing, so it doesn't matter who it is.
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
