"""How a file would be read: its first documents, without queueing any."""

from __future__ import annotations

from typing import Any

from postings import Document
from postings.errors import InvalidDocument, ReaderError
from postings_ingest import Rejection
from postings_ingest.tenants import Tenants
from postings_serve.http.cancellation import Check
from postings_serve.submission.uploads import Upload

SHOWN = 5
"""Documents, and rejected records, after which a file isn't read on."""

MOST = 2**24
"""Bytes of a file that are read, decompressed."""


class _Enough(Exception):
    """No more records need to be rejected."""


def preview(upload: Upload, tenants: Tenants, check: Check) -> dict[str, Any]:
    """Read the first documents of an upload, and the names of its fields, which say what its records may be read by.

    Of a large file, its first 16 MiB are read.

    Args:
        upload: the file.
        tenants: whose documents they may be.
        check: called as in :meth:`Upload.documents`.

    Raises:
        ReaderError: it can't be read at all; if just its columns aren't those that are expected, that is a rejection.
    """
    upload, is_cut = upload.beginning(MOST, check)
    format, fields = upload.format_and_fields(check)
    documents: list[Document] = []
    rejected: list[dict[str, Any]] = []

    def reject(line: int, reason: str) -> None:
        rejected.append({"line": line, "reason": reason})
        if len(rejected) == SHOWN:
            raise _Enough

    try:
        for document in upload.documents(lambda found: reject(found.line, found.reason), check):
            try:
                documents.append(tenants.assigned(document))
            except InvalidDocument as error:
                line = (document.source or "").rpartition(":")[2]
                found = Rejection.of("", int(line) if line.isdecimal() else 0, error, "")
                reject(found.line, found.reason)
            if len(documents) == SHOWN:
                break
    except _Enough:
        pass
    except ReaderError as error:
        if not fields:
            raise
        rejected.append({"line": 0, "reason": str(error)})
    if is_cut and max(len(documents), len(rejected)) < SHOWN:
        rejected.append({"line": 0, "reason": f"a preview reads the first {MOST // 2**20} MiB, and the file has more"})
    return {
        "format": format,
        "fields": fields,
        "documents": [
            {"id": each.id, "title": each.title, "text": each.text, "metadata": each.metadata} for each in documents
        ],
        "rejected": rejected,
        "rejected_count": len(rejected),
    }
