"""Text and Markdown: one document a file, from a folder with all below it, or a single file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from postings import Document
from postings.documents import MAX_TEXT_LENGTH
from postings.errors import InvalidDocument, ReaderError
from postings_ingest.readers.omissions import Kind, Omission, Omit, ignore
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.sources import Source

SUFFIXES = {".txt", ".md", ".markdown"}

_MAX_BYTES = 4 * MAX_TEXT_LENGTH


def read(source: Source, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read every text file below a folder; its first heading or its name is the title.

    A document's id is the path of its file as the caller named it: ``notes/deep/plan.md`` for the folder ``notes`` or
    ``./notes/``, ``deep/plan.md`` for ``.``. So files of one name in two folders are two documents, and the same call
    gives the same ids. The path below the folder is in the metadata.

    Raises:
        ReaderError: the folder holds no text file.
    """
    path = source.path
    found = False
    for file in _files(path, reject, omit):
        found = True
        name = file.name if file == Path(path) else file.relative_to(path).as_posix()
        try:
            yield _document(file, name)
        except (InvalidDocument, OSError) as error:
            reject(Rejection.of(str(file), 0, error, ""))
        except UnicodeDecodeError as error:
            reason = f"invalid UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start}"
            reject(Rejection.of(str(file), 0, reason, error.object[max(error.start - 50, 0) : error.start + 50]))
    if not found:
        raise ReaderError(
            f"{path} holds no text to read: expected corpus.jsonl, or files {', '.join(sorted(SUFFIXES))}"
        )


def estimate(source: Source) -> int | None:
    """Count the files."""
    return sum(1 for _ in _files(source.path, ignore, ignore))


def _files(path: str, reject: Reject, omit: Omit) -> Iterator[Path]:
    """The text files of a folder and those below it, sorted by their path, a folder at a time."""
    root = Path(path)
    if root.is_file():
        yield root
        return
    waiting = [_entries(path, None)]
    while waiting:
        for entry in waiting[-1]:
            if (reason := _left_out(entry)) is not None:
                omit(Omission(reason[0], entry.path, reason[1]))
            elif entry.is_dir():
                waiting.append(_entries(entry.path, reject))
                break
            else:
                yield Path(entry.path)
        else:
            waiting.pop()


def _entries(folder: str, reject: Reject | None) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, by name. One below the first that can't be read is rejected, the others go on."""
    try:
        with os.scandir(folder) as entries:
            return iter(sorted(entries, key=lambda entry: entry.name))
    except OSError as error:
        if reject is None:
            raise
        reject(Rejection.of(folder, 0, f"the folder can't be read: {error.strerror or error}", ""))
        return iter(())


def _left_out(entry: os.DirEntry[str]) -> tuple[Kind, str] | None:
    """Why an entry isn't read, if it isn't: the kind, and its detail."""
    if entry.name.startswith("."):
        return Kind.HIDDEN, "folder" if entry.is_dir(follow_symlinks=False) else "file"
    if entry.is_dir(follow_symlinks=False):
        return None
    if entry.is_symlink():
        try:
            entry.stat()
        except FileNotFoundError:
            return Kind.LINK, "it leads nowhere"
        except OSError as error:
            return Kind.LINK, f"it can't be followed: {error.strerror or error}"
        if entry.is_dir():
            return Kind.LINK, "it leads to a folder"
    suffix = Path(entry.name).suffix.lower()
    if suffix in SUFFIXES and entry.is_file():
        return None
    return Kind.OTHER_FILE, suffix if entry.is_file() else "no regular file"


def _document(file: Path, name: str) -> Document:
    size = file.stat().st_size
    if size > _MAX_BYTES:
        raise InvalidDocument(f"the file has {size:,} bytes, a document may have {_MAX_BYTES:,}")
    text = file.read_bytes().decode("utf-8-sig")
    if not text.strip():
        raise InvalidDocument("the file is empty")
    return Document(_id(file), text, title=_title(file, text), metadata={"path": name}).read_at(str(file))


def _id(file: Path) -> str:
    named = Path(os.path.normpath(file)).as_posix()
    return named[1:] if named.startswith("//") else named


def _title(file: Path, text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    if file.suffix.lower() != ".txt" and first.startswith("# "):
        return first[2:].strip() or file.stem
    return file.stem
