"""Uploads: a file in a form, and how to read it."""

from __future__ import annotations

import asyncio
import errno
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message

from postings import Document
from postings.errors import MissingExtra, ReaderError, StorageFull
from postings_ingest import Rejection, read_documents
from postings_ingest.readers import Reject, first_bytes, format_and_fields, texts
from postings_ingest.readers.cells import read_types
from postings_ingest.readers.sources import split_name
from postings_serve.http.bodies import checked, checked_length, too_large
from postings_serve.http.cancellation import Check
from postings_serve.schemas.documents import PreviewFields, UploadFields

MAX_UPLOAD = 2**30
"""Bytes of an upload, which is kept in a temporary file until all of it was read. JSON Lines have no limit."""

MAX_UNPACKED = 16 * MAX_UPLOAD
"""Bytes of an upload when it is decompressed, which texts don't exceed: they shrink to a fourth or a tenth."""

_LONGEST_NAME = 200


class Upload:
    """A file that was uploaded.

    Args:
        path: where it is now.
        name: what the client calls it.
        fields: how to read it.
        partial: whether it is the beginning of a longer file.
        most: bytes that it may have when it is decompressed.
    """

    def __init__(
        self, path: Path, name: str, fields: UploadFields, *, partial: bool = False, most: int | None = None
    ) -> None:
        self._path = path
        self._name = name
        self._most = MAX_UNPACKED if most is None else most
        self.fields = fields
        self.partial = partial or (isinstance(fields, PreviewFields) and fields.partial == "true")

    def documents(self, reject: Reject, check: Check) -> Iterator[Document]:
        """Read its documents; a text's id is the file's name.

        Args:
            reject: called with each record that can't be used.
            check: called each time that some bytes were read; what it raises ends the reading.

        Raises:
            ReaderError: it can't be read, or is too large when it is decompressed.
        """
        fields = self.fields

        def rejected(found: Rejection) -> None:
            reject(Rejection.of(self._name, found.line, self._shown(found.reason), ""))

        with self._reading(check) as on_read:
            for document in read_documents(
                str(self._path),
                rejected,
                format=fields.format,
                id_field=fields.id_field,
                text_field=fields.text_field,
                title_field=fields.title_field,
                types=read_types(fields.types or ""),
                on_read=on_read,
                partial=self.partial,
            ):
                yield self._named(document)

    def format_and_fields(self, check: Check) -> tuple[str, list[str]]:
        """Its format, and the names of its columns, or of the fields of its first records.

        Args:
            check: as in :meth:`documents`.

        Raises:
            ReaderError: as :meth:`documents`.
        """
        with self._reading(check) as on_read:
            return format_and_fields(str(self._path), format=self.fields.format, on_read=on_read, partial=self.partial)

    def beginning(self, most: int, check: Check) -> tuple[Upload, bool]:
        """The beginning of the file, so that reading it is little work, however much it has when it is decompressed.

        Parquet can't be cut; if that is compressed, it may have so many bytes.

        Args:
            most: bytes of it.
            check: as in :meth:`documents`.

        Returns:
            The beginning, decompressed, which is gone when the upload is, and whether there is more.

        Raises:
            ReaderError: as :meth:`documents`.
        """
        _, format, compression = split_name(self._path.name)
        if (self.fields.format or format) == "parquet":
            return Upload(self._path, self._name, self.fields, most=most if compression else self._most), False
        # The file itself may have any name.
        folder = Path(tempfile.mkdtemp(dir=self._path.parent))
        path = folder / self._path.name.removesuffix(self._path.suffix if compression else "")
        size = 0
        with path.open("wb") as copy, self._reading(check) as on_read:
            for block in first_bytes(
                str(self._path), most + 1, format=self.fields.format, on_read=on_read, partial=self.partial
            ):
                size += copy.write(block)
            copy.truncate(min(size, most))
        return Upload(path, self._name, self.fields, partial=self.partial or size > most), size > most

    @contextmanager
    def _reading(self, check: Check) -> Iterator[Callable[[int], None]]:
        def on_read(count: int) -> None:
            check()
            if count > self._most:
                raise ReaderError(f"{self._name} has more than {self._most // 2**20:,} MiB when it is decompressed")

        try:
            yield on_read
        except ReaderError as error:
            check()  # a reader may have taken its error for the file's
            raise ReaderError(self._shown(str(error))) from error
        except MissingExtra as error:
            raise MissingExtra(error.extra, self._shown(error.purpose)) from error

    def _named(self, document: Document) -> Document:
        if (self.fields.format or split_name(self._path.name)[1]) not in texts.FORMATS:
            return document
        return Document(self._name, document.text, document.title, document.metadata, document.version)

    def _shown(self, reason: str) -> str:
        return reason.replace(str(self._path), self._name)


@asynccontextmanager
async def uploaded(request: Request, kind: type[UploadFields] = UploadFields) -> AsyncIterator[Upload]:
    """Receive a form with a file, which is gone when the block ends.

    Args:
        request: with the form.
        kind: the form's other fields.

    Raises:
        Problem: 413, it is too large.
        RequestValidationError: a field of the form is missing or wrong.
        StorageFull: there is no room for it.
    """
    form = await _form(request)
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise _wrong("file", "expected a file with a name")
        # A browser sends the fields that were left empty, too.
        given = {name: value for name, value in form.multi_items() if isinstance(value, str) and value}
        name, fields = _plain(file.filename), checked(given, kind)
        with _room(), tempfile.TemporaryDirectory(prefix="postings-") as folder:
            path = Path(folder) / name
            await asyncio.to_thread(_copy, file, path)
            await form.close()
            yield Upload(path, name, fields)
    finally:
        await form.close()


async def _form(request: Request) -> FormData:
    checked_length(request, MAX_UPLOAD)
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > MAX_UPLOAD:
            raise too_large(MAX_UPLOAD)
        return message

    with _room():
        try:
            return await Request(request.scope, receive).form(max_files=1, max_fields=20, max_part_size=2**16)
        except (LookupError, UnicodeError) as error:  # of an encoding that the form names
            raise _wrong("body", f"the form can't be read: {error}") from error


def _copy(file: UploadFile, path: Path) -> None:
    with path.open("wb") as copy:
        shutil.copyfileobj(file.file, copy, 2**20)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageFull(f"there is no room for an upload: {error.strerror}") from error


def _wrong(field: str, reason: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": ("body", field), "msg": reason, "input": None}])


def _plain(name: str) -> str:
    """The last part of a path, on any system, as a file may be called here."""
    last = re.split(r"[/\\]", name)[-1].replace("\0", "").encode(errors="replace")[-_LONGEST_NAME:]
    plain = last.decode(errors="ignore")
    return plain if plain not in ("", ".", "..") else "upload"
