"""Documents as JSON, a list at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from postings import Document
from postings.errors import InvalidDocument
from postings.unprintable import escape_surrogates
from postings_ingest.readers.records import document_from_record
from postings_ingest.tenants import Tenants
from postings_serve.http.problems import Problem


def documents_of(records: Sequence[Mapping[str, Any]], tenants: Tenants) -> list[Document]:
    """Build documents from records, as the readers of files do; all, or none.

    Args:
        records: the records.
        tenants: whose documents they may be.

    Raises:
        Problem: 400, which names the position of the first that isn't one.
    """
    return [_document(record, position, tenants) for position, record in enumerate(records)]


def _document(record: Mapping[str, Any], position: int, tenants: Tenants) -> Document:
    try:
        return tenants.assigned(document_from_record(record, f"documents:{position}"))
    except (InvalidDocument, RecursionError) as error:
        reason = escape_surrogates(str(error))
        detail = f"documents[{position}]: {reason}; none was accepted"
        raise Problem(400, "invalid-document", detail, position=position) from error
