"""What a caller passes as texts, checked before anything reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from postings.errors import InvalidDocument, InvalidInput, InvalidQuery

_ERRORS: dict[str, type[InvalidInput]] = {"document": InvalidDocument, "query": InvalidQuery}


def checked_texts(texts: Iterable[str], task: str) -> list[str]:
    """Read texts once, whatever gives them.

    Args:
        texts: a list, a generator or the like.
        task: ``document`` or ``query``, for the error.

    Raises:
        InvalidDocument: what came isn't texts, or one of them isn't valid Unicode.
        InvalidQuery: likewise, where ``task`` is ``query``.

    Example:
        >>> checked_texts((word for word in ["a", "b"]), "query")
        ['a', 'b']
    """
    return [checked_text(text, task, f"text {at}") for at, text in enumerate(each_of(texts, task))]


def each_of(texts: Iterable[str], task: str) -> Iterator[str]:
    """The texts that a list or an iterator holds, one by one; the texts themselves are not checked.

    Raises:
        InvalidDocument: it holds none, as one string does.
        InvalidQuery: likewise, where ``task`` is ``query``.
    """
    error = _ERRORS[task]
    if isinstance(texts, str):
        raise error("texts must be a list of strings, got one string: pass [text]")
    if isinstance(texts, bytes | Mapping) or not isinstance(texts, Iterable):
        raise error(f"texts must be a list of strings, got {type(texts).__name__}")
    return iter(texts)


def checked_text(text: str, task: str, name: str = "text") -> str:
    """Take one text.

    Raises:
        InvalidDocument: it isn't a string, or not valid Unicode.
        InvalidQuery: likewise, where ``task`` is ``query``.
    """
    if not isinstance(text, str):
        raise _ERRORS[task](f"{name} must be a string, got {text!r:.100} ({type(text).__name__})")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _ERRORS[task](
            f"{name} isn't valid Unicode: a lone surrogate {text[error.start]!a} at character {error.start}"
        ) from error
    return text
