"""Removing secrets from errors and logs: from addresses, and from the messages of libraries."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
_NEXT_URL = re.compile(rf"[,;](?=\s*{_SCHEME})")
_ADDRESS = re.compile(r"((\[[^\]]*\]|[^:/?#]+)(:\d+(?![^/?#]))?)?(/[^?#]*)?")
_SURE_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d+(?![^/?#])(/[^?#]*)?")
_AFTER_SCHEME = re.compile(r"://([^\s'\"]+)")
_QUERY_SECRET = re.compile(r"[?&][^=&#]*(?:pass|token|secret|key)[^=&#]*=([^&#]+)", re.IGNORECASE)
_SHORT = 4
_UNREADABLE = (
    "this can't be read as an address: the port isn't a number, or a password has one of @ / ? # : [ ] \\, which must "
    "be written as %40 %2F %3F %23 %3A %5B %5D %5C"
)


def redacted(url: str) -> str:
    """Remove user, password, query and fragment from an address, for errors and logs.

    The text may be any value of a setting: several addresses between commas or semicolons, or one that can't be parsed
    because a password has a reserved character or the host is missing.

    Example:
        >>> redacted("redis://:p@ss/word#1@host:6379/0?ssl_password=x")
        'redis://host:6379/0'
    """
    return ",".join(map(_redacted, _addresses(url)))


def secrets_of(url: str) -> Iterator[str]:
    """The password or token in an address, as it is written, and the values of secret query options.

    Example:
        >>> list(secrets_of("redis://user:p%40ss@host/0"))
        ['p%40ss']
    """
    for part in _addresses(url):
        rest = part.partition("://")[2]
        if "@" in rest:
            user, colon, password = rest.rpartition("@")[0].partition(":")
            yield password if colon else user
        yield from (match[1] for match in _QUERY_SECRET.finditer(part))


def without_secrets(text: str, secrets: Collection[str]) -> str:
    """Hide secrets in a library's message, for errors and logs.

    Args:
        text: the message.
        secrets: hidden wherever they occur, as they are or as libraries quote or encode them. Secrets of up to three
            characters are hidden only as separate words. Credentials in an address are always hidden.

    Example:
        >>> without_secrets("can't reach http://me:other@host, key 'hunter2'", ["hunter2"])
        "can't reach http://host, key '***'"
    """
    # This pattern reads each character once. One that ends at the "@" would take quadratic time on a text without any.
    text = _AFTER_SCHEME.sub(lambda found: "://" + found[1].rpartition("@")[2], text)
    for pattern in _patterns(frozenset(secrets)):
        text = pattern.sub(HIDDEN, text)
    return text


def safe_cause(error: BaseException, secrets: Collection[str]) -> BaseException | None:
    """The cause to raise an error from: the library's error, or ``None`` if its traceback would show a secret."""
    cause: BaseException | None = error
    while cause is not None:
        message = str(cause)
        if without_secrets(message, secrets) != message:
            return None
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return error


def check_sendable(text: str) -> None:
    """Raise ``ValueError`` if a key or address can't be sent in a header; the message doesn't show it."""
    if not all("!" <= letter <= "~" for letter in text):
        raise ValueError("it has white space, a control character or a letter outside ASCII")


def check_address(url: str) -> None:
    """Raise ``ValueError`` if a library would misread an address; the message doesn't show it.

    What follows a reserved character in a password would be taken for the host, and shown in the library's errors.
    """
    check_sendable(url)
    for part in _NEXT_URL.split(url):
        try:
            found = urlsplit(part)
            _ = found.port
        except ValueError:
            raise ValueError(_UNREADABLE) from None
        if "\\" in part or "@" in found.path + found.query + found.fragment or found.netloc.count("@") > 1:
            raise ValueError(_UNREADABLE)


def _addresses(text: str) -> list[str]:
    parts = _NEXT_URL.split(text)
    # A part of a password may look like another address: then the text is taken for a single address.
    whole = any("@" in part for part in parts) and not all("@" in part for part in parts)
    return [text.strip()] if whole else [part.strip() for part in parts]


def _redacted(url: str) -> str:
    scheme = match[0] if (match := re.match(_SCHEME, url)) else ""
    rest = url.removeprefix(scheme)
    before, _, after = rest.rpartition("@")
    # What looks like a port may be a password without a host, so a port must be a number and follow a host. If the "@"
    # may be part of a query or fragment, only a port shows that a host precedes it, and not the rest of a secret.
    address = (_SURE_ADDRESS if set(before) & set("?#") else _ADDRESS).match(after)
    return scheme + (address[0] if address else "")


@lru_cache(maxsize=8)
def _patterns(secrets: frozenset[str]) -> list[re.Pattern[str]]:
    """Patterns for all forms of the secrets: one for the long ones, one for those that must be separate words."""
    forms = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)
    long = "|".join(re.escape(form) for form in forms if len(form) >= _SHORT)
    short = "|".join(re.escape(form) for form in forms if len(form) < _SHORT)
    # Two patterns, because an alternation of plain texts is fast: it is searched by their first characters.
    return [re.compile(each) for each in (long, rf"(?<!\w)(?:{short})(?!\w)" if short else "") if each]


def _forms(secret: str) -> Iterator[str]:
    for plain in (secret, unquote(secret)):
        for form in (plain, quote(plain, safe="", errors="replace"), repr(plain)[1:-1], json.dumps(plain)[1:-1]):
            # A JSON log quotes the message once more.
            yield from (form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1])
