"""Text and Markdown: one document a file, from a folder with all below it, or a single file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from postings import Document
from postings.documents import MAX_TEXT_LENGTH
from postings.errors import InvalidDocument, ReaderError
from postings_ingest.readers.rejections import Reject, Rejection

SUFFIXES = {".txt", ".md", ".markdown"}

_MAX_BYTES = 4 * MAX_TEXT_LENGTH


def read(path: str, reject: Reject) -> Iterator[Document]:
    """Read every text file below a folder; its path from there is the id, its first heading or name the title.

    Raises:
        ReaderError: the folder holds no text file.
    """
    files = _files(path)
    first = next(files, None)
    if first is None:
        raise ReaderError(
            f"{path} holds no text to read: expected corpus.jsonl, or files {', '.join(sorted(SUFFIXES))}"
        )
    for file in chain([first], files):
        name = file.name if file == Path(path) else file.relative_to(path).as_posix()
        try:
            yield _document(file, name)
        except (InvalidDocument, OSError) as error:
            reject(Rejection.of(str(file), 0, error, ""))
        except UnicodeDecodeError as error:
            reason = f"invalid UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start}"
            reject(Rejection.of(str(file), 0, reason, error.object[max(error.start - 50, 0) : error.start + 50]))


def estimate(path: str) -> int | None:
    """Count the files."""
    return sum(1 for _ in _files(path))


def _files(path: str) -> Iterator[Path]:
    root = Path(path)
    if root.is_file():
        yield root
        return
    for file in sorted(root.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
        if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
            yield file


def _document(file: Path, name: str) -> Document:
    size = file.stat().st_size
    if size > _MAX_BYTES:
        raise InvalidDocument(f"the file has {size:,} bytes, a document may have {_MAX_BYTES:,}")
    text = file.read_bytes().decode("utf-8-sig")
    if not text.strip():
        raise InvalidDocument("the file is empty")
    return Document(name, text, title=_title(file, text), metadata={"path": name})


def _title(file: Path, text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    if file.suffix.lower() != ".txt" and first.startswith("# "):
        return first[2:].strip() or file.stem
    return file.stem
