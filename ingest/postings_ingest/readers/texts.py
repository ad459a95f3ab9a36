"""Text, Markdown and HTML: one document per file, from a folder and its subfolders, or from a single file."""

from __future__ import annotations

import os
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from postings import Document
from postings.documents import MAX_TEXT_LENGTH
from postings.errors import InvalidDocument, ReaderError
from postings_ingest.readers.forms import id_text, json_form
from postings_ingest.readers.html import parse_html
from postings_ingest.readers.markdown import heading, split_front_matter
from postings_ingest.readers.omissions import Omission, OmissionKind, Omit, ignore
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.sources import SUFFIXES, Source, split_name

FORMATS = ("text", "markdown", "html")

_SUFFIXES = sorted(suffix for suffix, format in SUFFIXES.items() if format in FORMATS)
_MAX_BYTES = 4 * MAX_TEXT_LENGTH


def read(source: Source, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read every text, Markdown and HTML file in a folder and its subfolders.

    A document's title is the one in the file, or else the file's name. Its id is the file's path as the caller named
    it: ``notes/deep/plan.md`` for the folder ``notes`` or ``./notes/``, ``deep/plan.md`` for ``.``. So files with the
    same name in two folders are two documents, and the same call gives the same ids. The metadata hold the path below
    the folder, and the fields of Markdown's front matter.

    Raises:
        ReaderError: the folder has no text file.
    """
    path = source.path
    found = False
    for file in _files(path, reject, omit):
        found = True
        alone = file == Path(path)
        name = file.name if alone else file.relative_to(path).as_posix()
        format = source.format if alone else split_name(file.name)[1]
        try:
            yield _document(replace(source, path=str(file), format=format or "text"), name, omit)
        except (InvalidDocument, OSError, EOFError, zlib.error, LookupError) as error:
            reject(Rejection.of(str(file), 0, error, ""))
        except UnicodeDecodeError as error:
            reason = f"invalid UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start}"
            reject(Rejection.of(str(file), 0, reason, error.object[max(error.start - 50, 0) : error.start + 50]))
    if not found:
        raise ReaderError(f"{path} has nothing to read: expected corpus.jsonl, or files {', '.join(_SUFFIXES)}")


def fields(source: Source) -> list[str]:  # noqa: ARG001 - the readers' common signature
    """None: a text is one document."""
    return []


def estimate(source: Source) -> int | None:
    """Count the files."""
    return sum(1 for _ in _files(source.path, ignore, ignore))


def _files(path: str, reject: Reject, omit: Omit) -> Iterator[Path]:
    """The text files of a folder and its subfolders, in the order of their paths."""
    root = Path(path)
    if not root.is_dir():
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
    """The entries of a folder, by name. A subfolder that can't be read is rejected, and reading goes on."""
    try:
        with os.scandir(folder) as entries:
            return iter(sorted(entries, key=lambda entry: entry.name))
    except OSError as error:
        if reject is None:
            raise
        reject(Rejection.of(folder, 0, f"the folder can't be read: {error.strerror or error}", ""))
        return iter(())


def _left_out(entry: os.DirEntry[str]) -> tuple[OmissionKind, str] | None:
    """Why an entry is left out, as kind and detail; ``None`` if it is read."""
    if entry.name.startswith("."):
        return OmissionKind.HIDDEN, "folder" if entry.is_dir(follow_symlinks=False) else "file"
    if entry.is_dir(follow_symlinks=False):
        return None
    if entry.is_symlink():
        try:
            entry.stat()
        except FileNotFoundError:
            return OmissionKind.LINK, "its target doesn't exist"
        except OSError as error:
            return OmissionKind.LINK, f"it can't be followed: {error.strerror or error}"
        if entry.is_dir():
            return OmissionKind.LINK, "its target is a folder"
    if split_name(entry.name)[1] in FORMATS and entry.is_file():
        return None
    return OmissionKind.OTHER_FILE, Path(entry.name).suffix.lower() if entry.is_file() else "no regular file"


def _document(source: Source, name: str, omit: Omit) -> Document:
    with source.open() as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise InvalidDocument(f"the file has more than {_MAX_BYTES:,} bytes, the most that a document may have")
    if source.partial:
        content = _without_cut_character(content)
    fields: dict[str, Any] = {}
    title: str | None = None
    if source.format == "html":
        text, title = parse_html(content)
    else:
        text = content.decode("utf-8-sig")
        if source.format == "markdown":
            fields, text, wrong = split_front_matter(text)
            if wrong:
                omit(Omission(OmissionKind.FRONT_MATTER, source.path, wrong))
            title = heading(text)
    if not text.strip() and not fields and not title:
        raise InvalidDocument("the file has no text" if content.strip(b"\xef\xbb\xbf \t\r\n") else "the file is empty")
    if fields.get("path", name) != name:
        omit(Omission(OmissionKind.FIELD, source.path, "path"))
    named = fields.pop("title", None)
    title = id_text(named) if not isinstance(named, Mapping | list) and named else title
    file_name = Path(split_name(source.path)[0]).name
    metadata = {**json_form(fields), "path": name}
    return Document(_id(source.path), text, title=title or file_name, metadata=metadata).read_at(source.path)


def _without_cut_character(content: bytes) -> bytes:
    decoder = getincrementaldecoder("utf-8")("ignore")
    decoder.decode(content)
    cut, _ = decoder.getstate()
    return content[: len(content) - len(cut)]


def _id(path: str) -> str:
    named = Path(os.path.normpath(path)).as_posix()
    return named[1:] if named.startswith("//") else named
