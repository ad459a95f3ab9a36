"""Checks of the texts that callers pass to the encoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from postings.arguments import check_unicode
from postings.errors import InvalidDocument, InvalidInput, InvalidQuery

_ERRORS: dict[str, type[InvalidInput]] = {"document": InvalidDocument, "query": InvalidQuery}


def checked_texts(texts: Iterable[str], task: str) -> list[str]:
    """Read texts from any iterable, once, and check each.

    Args:
        texts: a list, a generator or another iterable.
        task: ``document`` or ``query``, which decides the class of the error.

    Raises:
        InvalidDocument: ``texts`` holds no texts, or one of them isn't valid Unicode.
        InvalidQuery: likewise, if ``task`` is ``query``.

    Example:
        >>> checked_texts((word for word in ["a", "b"]), "query")
        ['a', 'b']
    """
    return [checked_text(text, task, f"text {number}") for number, text in enumerate(iterate(texts, task))]


def iterate(texts: Iterable[str], task: str) -> Iterator[str]:
    """Go through texts one by one; the texts themselves aren't checked.

    Raises:
        InvalidDocument: ``texts`` isn't an iterable of texts; a single string isn't one either.
        InvalidQuery: likewise, if ``task`` is ``query``.
    """
    error = _ERRORS[task]
    if isinstance(texts, str):
        raise error("texts must be a list of strings, got one string: pass [text]")
    if isinstance(texts, bytes | Mapping) or not isinstance(texts, Iterable):
        raise error(f"texts must be a list of strings, got {type(texts).__name__}")
    return iter(texts)


def checked_text(text: str, task: str, name: str = "text") -> str:
    """Check one text, and return it.

    Raises:
        InvalidDocument: the text isn't a string, or isn't valid Unicode.
        InvalidQuery: likewise, if ``task`` is ``query``.
    """
    if not isinstance(text, str):
        raise _ERRORS[task](f"{name} must be a string, got {text!r:.100} ({type(text).__name__})")
    check_unicode(name, text, _ERRORS[task])
    return text
