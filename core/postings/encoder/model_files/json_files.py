"""The JSON files in a model's folder, and the error for a damaged one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from postings.errors import ModelNotSupported, PostingsError

T = TypeVar("T")

_NAMES: dict[type, str] = {dict: "object", list: "array"}


def read_json(file: Path, kind: type[T]) -> T:
    """Read a JSON file; the result is empty if there is no such file.

    Args:
        file: the file.
        kind: what it must hold: ``dict``, ``list``, or ``object`` for anything.

    Raises:
        ModelNotSupported: the file can't be read, isn't JSON, or holds something else.
    """
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return kind()
    except OSError as error:
        raise ModelNotSupported(f"{file} can't be read: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelNotSupported(f"{file} isn't JSON: {error}") from error
    if not isinstance(content, kind):
        raise ModelNotSupported(f"{file}: expected a JSON {_NAMES[kind]}, got {type(content).__name__}")
    return content


@contextmanager
def malformed(path: Path) -> Iterator[None]:
    """Raise what a missing or odd value in a configuration leads to as an error of the model.

    Args:
        path: the file or folder to name.

    Raises:
        ModelNotSupported: the configuration is malformed.
    """
    try:
        yield
    except PostingsError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelNotSupported(f"{path} has a malformed configuration: {error!r}") from error
