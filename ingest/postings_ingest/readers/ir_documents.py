"""The documents of a data set of ir-datasets: their ids, titles and texts."""

from __future__ import annotations

from collections.abc import Iterator

from postings import Document
from postings.errors import InvalidDocument
from postings.ir_dataset import IrDataset
from postings_ingest.readers.omissions import Omit
from postings_ingest.readers.rejections import Reject, Rejection
from postings_ingest.readers.sources import Source


def read(source: Source, reject: Reject, omit: Omit) -> Iterator[Document]:  # noqa: ARG001 - as every reader
    """Read documents; their place is their number."""
    for number, (id, title, text) in enumerate(IrDataset(source.path).documents(), 1):
        try:
            yield Document(id, text, title).read_at(f"{source.path}:{number}")
        except InvalidDocument as error:
            record = {"id": id, "title": title, "text": text}
            reject(Rejection.of(source.path, number, error, record, record))


def fields(source: Source) -> list[str]:  # noqa: ARG001
    """The fields that are read."""
    return ["id", "title", "text"]


def estimate(source: Source) -> int | None:
    """Unknown before the data set is downloaded."""
    IrDataset(source.path)
    return None
