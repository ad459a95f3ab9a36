"""Lines of bytes that arrive in pieces."""

from __future__ import annotations

from collections.abc import Iterator

from postings_ingest.readers.jsonl import MAX_LINE


class Lines:
    r"""Splits bytes into lines, with their numbers from 1; of a line that is too long, only the beginning is kept.

    Attributes:
        number: of the last line that was complete.

    Example:
        >>> lines = Lines()
        >>> list(lines.feed(b"one\ntw")), list(lines.feed(b"o")), list(lines.end())
        ([(1, b'one\n')], [], [(2, b'two')])
    """

    def __init__(self) -> None:
        self.number = 0
        self._line = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """Add bytes, and give the lines that they complete."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._keep(end)
            self._keep(b"\n")
            yield self._complete()
        self._keep(rest)

    def end(self) -> Iterator[tuple[int, bytes]]:
        """Give the last line, if it has no line break."""
        if self._line:
            yield self._complete()

    def _keep(self, part: bytes) -> None:
        self._line += part[: MAX_LINE + 1 - len(self._line)]

    def _complete(self) -> tuple[int, bytes]:
        self.number += 1
        line = bytes(self._line)
        self._line.clear()
        return self.number, line
