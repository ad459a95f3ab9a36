"""A source of documents: its path, its format, and its decompressed bytes."""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from postings.errors import MissingExtra, ReaderError
from postings_ingest.readers.records import Fields

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
}
"""Formats by the end of a file's name."""

COMPRESSIONS = (".gz", ".zst")
"""Ends of the names of compressed files, after the format's."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, a folder or standard input.

    Attributes:
        path: the path as the caller named it, ``-`` for standard input.
        format: the format, see :func:`postings_ingest.read_documents`.
        fields: the names of a record's id, text and title.
        types: the declared types of columns of a CSV or TSV file, by name.
        on_read: called with the place in the decompressed bytes each time that some were read; its errors end that.
        partial: whether it is the beginning of a file, whose last record may be cut.
    """

    path: str
    format: str
    fields: Fields = field(default_factory=Fields)
    types: Mapping[str, str] = field(default_factory=dict)
    on_read: Callable[[int], None] | None = None
    partial: bool = False

    @property
    def compression(self) -> str:
        """``.gz``, ``.zst``, or nothing."""
        return split_name(self.path)[2]

    @property
    def can_be_read_twice(self) -> bool:
        """Whether it is a regular, uncompressed file."""
        return not self.compression and Path(self.path).is_file()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open it for reading once, from the beginning to the end; decompresses it.

        Raises:
            ReaderError: standard input is closed.
            MissingExtra: pyarrow, which decompresses ``.zst``, isn't installed.
        """
        if self.path == "-":
            if sys.stdin is None:
                raise ReaderError("- can't be read: standard input is closed")
            yield sys.stdin.buffer
            return
        with Path(self.path).open("rb") as file:
            if self.compression == ".gz":
                with gzip.open(file) as unzipped:
                    yield self._watched(cast("BinaryIO", unzipped))
            elif self.compression == ".zst":
                with _unzstd(file, self.path) as unzipped:
                    yield self._watched(unzipped)
            else:
                yield self._watched(file)

    @contextmanager
    def open_seekable(self) -> Iterator[BinaryIO]:
        """Open it for reading more than once; decompresses it. If need be, it is copied to a temporary file."""
        with self.open() as file:
            if self.can_be_read_twice:
                yield file
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy, 2**20)
                copy.seek(0)
                yield self._watched(cast("BinaryIO", copy))

    def _watched(self, file: BinaryIO) -> BinaryIO:
        ends_early = self.partial and bool(self.compression)
        if self.on_read is None and not ends_early:
            return file
        return io.BufferedReader(_Watched(file, self.on_read or _nobody, ends_early), 2**16)


def _nobody(count: int) -> None:
    """Nobody is told."""


class _Watched(io.RawIOBase):
    """A file of which somebody is told how far it was read, and which may end in the middle of a compressed block."""

    def __init__(self, file: BinaryIO, on_read: Callable[[int], None], ends_early: bool) -> None:  # noqa: FBT001
        super().__init__()
        self._file, self._on_read, self._ends_early = file, on_read, ends_early
        self._count = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._count = self._file.seek(offset, whence)
        return self._count

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: WriteableBuffer) -> int:
        try:
            # One block at a time, so that an error loses none before it.
            read = self._file.readinto1(buffer)  # type: ignore[attr-defined]
        except (EOFError, OSError):
            if not self._ends_early:
                raise
            read = 0
        self._count += read
        self._on_read(self._count)
        return int(read)


def split_name(path: str) -> tuple[str, str | None, str]:
    """Split a file's name into the rest of the name, its format, if the end tells it, and its compression.

    Example:
        >>> split_name("notes/plan.MD.gz")
        ('notes/plan', 'markdown', '.gz')
    """
    compression = Path(path).suffix.lower()
    compression = compression if compression in COMPRESSIONS else ""
    name = path[: len(path) - len(compression)]
    suffix = Path(name).suffix
    return name[: len(name) - len(suffix)], SUFFIXES.get(suffix.lower()), compression


def _unzstd(file: BinaryIO, path: str) -> BinaryIO:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("parquet", f"reading {path}") from error
    stream = pyarrow.CompressedInputStream(file, "zstd")
    return io.BufferedReader(stream, 2**16)
