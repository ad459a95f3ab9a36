"""No error and no log shows a secret: addresses lose their credentials, and the words of libraries are searched."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
_NEXT_URL = re.compile(rf"[,;](?=\s*{_SCHEME})")
_PLACE = re.compile(r"((\[[^\]]*\]|[^:/?#]+)(:\d+(?![^/?#]))?)?(/[^?#]*)?")
_SURE_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d+(?![^/?#])(/[^?#]*)?")
_BEHIND_SCHEME = re.compile(r"://([^\s'\"]+)")
_QUERY_SECRET = re.compile(r"[?&][^=&#]*(?:pass|token|secret|key)[^=&#]*=([^&#]+)", re.IGNORECASE)
_SHORT = 4
_ODD = (
    "it can't be read as an address: the port isn't a number, or a password holds one of @ / ? # : [ ] \\ as it is, "
    "which must be written as %40 %2F %3F %23 %3A %5B %5D %5C"
)


def redacted(url: str) -> str:
    """An address as errors and logs may show it: without user, password, query and fragment.

    Takes whatever somebody has put into a setting: several addresses between commas or semicolons, and those that
    can't be parsed, because a password holds a reserved character or the host is missing.

    Example:
        >>> redacted("redis://:p@ss/word#1@host:6379/0?ssl_password=x")
        'redis://host:6379/0'
    """
    return ",".join(map(_redacted, _addresses(url)))


def secrets_of(url: str) -> Iterator[str]:
    """The password or token in an address, as it is written, and the values of a query that are meant to be secret.

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
    """Words of a library as errors and logs may show them.

    Args:
        text: what a library said.
        secrets: hidden wherever they occur, as they are or in an encoding that libraries quote them in; those of up
            to three characters only where they are a word of their own. Credentials in an address are hidden anyway.

    Example:
        >>> without_secrets("can't reach http://me:other@host, key 'hunter2'", ["hunter2"])
        "can't reach http://host, key '***'"
    """
    # Each character is read once, however long the text: a pattern that ends at the "@" would look for it again and
    # again where there is none.
    text = _BEHIND_SCHEME.sub(lambda found: "://" + found[1].rpartition("@")[2], text)
    for pattern in _patterns(frozenset(secrets)):
        text = pattern.sub(HIDDEN, text)
    return text


def safe_cause(error: BaseException, secrets: Collection[str]) -> BaseException | None:
    """The cause to raise an error from: a library's error, unless a traceback would show a secret with it."""
    each: BaseException | None = error
    while each is not None:
        words = str(each)
        if without_secrets(words, secrets) != words:
            return None
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return error


def check_sendable(text: str) -> None:
    """Raise ``ValueError`` for a key or address that no header or connection can carry; it doesn't show it."""
    if not all("!" <= letter <= "~" for letter in text):
        raise ValueError("it holds white space, a control character or a letter outside ASCII")


def check_address(url: str) -> None:
    """Raise ``ValueError`` for an address that would be read in another way than it is meant; it doesn't show it.

    A library takes what stands behind a reserved character in a password for the host, and names it in its errors.
    """
    check_sendable(url)
    for part in _NEXT_URL.split(url):
        try:
            found = urlsplit(part)
            _ = found.port
        except ValueError:
            raise ValueError(_ODD) from None
        if "\\" in part or "@" in found.path + found.query + found.fragment or found.netloc.count("@") > 1:
            raise ValueError(_ODD)


def _addresses(text: str) -> list[str]:
    parts = _NEXT_URL.split(text)
    # What a password holds may look like the next address: then all is taken for one.
    whole = any("@" in part for part in parts) and not all("@" in part for part in parts)
    return [text.strip()] if whole else [part.strip() for part in parts]


def _redacted(url: str) -> str:
    scheme = match[0] if (match := re.match(_SCHEME, url)) else ""
    rest = url.removeprefix(scheme)
    before, _, behind = rest.rpartition("@")
    # What looks like a port may be a password whose host is missing: it must be a number, behind a host. If the "@" may
    # stand in a query or fragment, only a port tells that a host follows, and not the rest of a secret.
    place = (_SURE_PLACE if set(before) & set("?#") else _PLACE).match(behind)
    return scheme + (place[0] if place else "")


@lru_cache(maxsize=8)
def _patterns(secrets: frozenset[str]) -> list[re.Pattern[str]]:
    """What finds any form of any of the secrets: the long ones, then those that must stand alone."""
    forms = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)
    long = "|".join(re.escape(form) for form in forms if len(form) >= _SHORT)
    short = "|".join(re.escape(form) for form in forms if len(form) < _SHORT)
    # Apart, as an alternation of plain texts alone is searched for by their first characters.
    return [re.compile(each) for each in (long, rf"(?<!\w)(?:{short})(?!\w)" if short else "") if each]


def _forms(secret: str) -> Iterator[str]:
    for plain in (secret, unquote(secret)):
        for form in (plain, quote(plain, safe="", errors="replace"), repr(plain)[1:-1], json.dumps(plain)[1:-1]):
            # A log of JSON quotes what was quoted before.
            yield from (form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1])
