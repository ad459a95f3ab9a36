"""Text and JSON Lines files line by line, with errors that name the line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from postings.errors import ReaderError


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read the lines that aren't blank, with their numbers from 1 and without line ends; decompress ``.gz``.

    Raises:
        ReaderError: the file can't be read, or a line isn't UTF-8.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    text = line.decode("utf-8-sig").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise ReaderError(
                        f"{path}:{number}: invalid UTF-8: byte 0x{line[error.start]:02x} at position {error.start}"
                    ) from error
                if text.strip():
                    yield number, text
    except OSError as error:
        raise ReaderError(f"{path} can't be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise ReaderError(f"{path} can't be read to its end: {error}") from error


def records(path: Path) -> Iterator[tuple[int, str, Any]]:
    """Read a JSON Lines file: for each value the line's number, the line and the value.

    Raises:
        ReaderError: as :func:`lines`, or a line isn't JSON.
    """
    for number, line in lines(path):
        try:
            yield number, line, json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ReaderError(f"{path}:{number}: not JSON: {error}") from error
