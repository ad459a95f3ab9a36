"""Errors as JSON: they are raised in the process that has the index open, and again in the one that called."""

from __future__ import annotations

import logging
from typing import Any

from postings import errors
from postings.errors import IndexRejected, MissingExtra, PostingsError
from postings.index.protocol import PointMissing

log = logging.getLogger(__name__)

_KINDS: dict[str, type[PostingsError]] = {
    kind.__name__: kind
    for kind in [*vars(errors).values(), PointMissing]
    # Of an error with fields of its own, the class above is raised.
    if isinstance(kind, type) and issubclass(kind, PostingsError) and kind is not MissingExtra
}


def error_to_json(error: Exception) -> dict[str, str]:
    """Convert an error; one that isn't of the tree is logged here, and raised as :class:`IndexRejected` there.

    Example:
        >>> error_to_json(IndexRejected("no"))
        {'kind': 'IndexRejected', 'message': 'no'}
    """
    for kind in type(error).__mro__:
        if kind.__name__ in _KINDS and kind is _KINDS[kind.__name__]:
            return {"kind": kind.__name__, "message": str(error)}
    log.error("a call of another process failed", exc_info=error)
    message = f"the process that has the index open failed: {type(error).__name__}: {error}"
    return {"kind": IndexRejected.__name__, "message": message}


def error_from_json(data: dict[str, Any]) -> PostingsError:
    """Read an error, to raise it."""
    return _KINDS[data["kind"]](data["message"])
