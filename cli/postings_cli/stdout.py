"""A stdout that says what is wrong with it: full, closed, or for fewer letters than there are."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TextIO, cast

from postings.errors import OutputLost


class _Stdout(io.TextIOWrapper):
    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._lost(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._lost(error) from error

    def _lost(self, error: OSError) -> Exception:
        # What it still holds would fail once more when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
        if isinstance(error, BrokenPipeError):
            return error  # whoever read has seen enough, as `head` has
        return OutputLost(f"the output can't be written: {error.strerror or error}")


class _Closed(io.TextIOBase):
    def write(self, text: str) -> int:  # noqa: ARG002
        raise OutputLost("the output can't be written: stdout is closed")


def guard_stdout() -> None:
    """Have errors of stdout raised as :class:`OutputLost`, and letters that it can't show written as escapes."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 # as long as the process
    if sys.stdout is None:
        sys.stdout = cast("TextIO", _Closed())
        return
    plain = cast("io.TextIOWrapper", sys.stdout)
    encoding, interactive = plain.encoding, plain.isatty()
    sys.stdout = _Stdout(plain.detach(), encoding, errors="backslashreplace", line_buffering=interactive)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
