"""Data sets of the library ir-datasets (https://ir-datasets.com), named as ``ir-datasets:beir/nfcorpus/test``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from postings.errors import MissingExtra, ReaderError, first_line

_PREFIX = "ir-datasets:"


class Text(NamedTuple):
    """A document or, without a title, a query."""

    id: str
    title: str
    text: str


def is_ir_dataset(source: str | os.PathLike[str]) -> bool:
    """Whether a source names a data set of ir-datasets, rather than a file or a folder.

    Example:
        >>> is_ir_dataset("ir-datasets:cranfield"), is_ir_dataset("beir/nfcorpus")
        (True, False)
    """
    return os.fspath(source).startswith(_PREFIX)


class IrDataset:
    """A data set, which the library downloads when it is first read, and keeps in ``IR_DATASETS_HOME``.

    Args:
        source: for which :func:`is_ir_dataset` is true.

    Raises:
        ReaderError: the library has none of this id; or, from the methods, it has no such part, or it can't be
            downloaded or read.
        MissingExtra: ir-datasets isn't installed.

    Example:
        >>> next(IrDataset("ir-datasets:cranfield").queries()).text  # doctest: +SKIP
        'what similarity laws must be obeyed when constructing aeroelastic models of heated high speed aircraft .'
    """

    def __init__(self, source: str | os.PathLike[str]) -> None:
        self._source = os.fspath(source)
        self.id = self._source.removeprefix(_PREFIX)
        try:
            import ir_datasets
        except ImportError as error:
            raise MissingExtra("ir-datasets", f"reading {self._source}") from error
        try:
            self._data = ir_datasets.load(self.id)
        except KeyError as error:
            raise ReaderError(
                f"ir-datasets has no data set {self.id!r}: expected an id such as beir/nfcorpus/test, see "
                "https://ir-datasets.com"
            ) from error

    def documents(self) -> Iterator[Text]:
        """Stream the documents; one whose text is in other fields has their texts together, and no title."""
        for each in self._read("docs"):
            yield _text(each.doc_id, each)

    def queries(self) -> Iterator[Text]:
        """Stream the queries; of a topic with several fields, what the library names as the query."""
        for each in self._read("queries"):
            yield _text(each.query_id, each)._replace(title="")

    def judgements(self) -> Iterator[tuple[str, str, int]]:
        """Stream query ids, document ids and grades."""
        for each in self._read("qrels"):
            yield each.query_id, each.doc_id, each.relevance

    def _read(self, part: str) -> Iterator[Any]:
        if not self._data.has(part):
            raise ReaderError(f"{self._source} has no {part}: name a data set with {part}, see https://ir-datasets.com")
        try:
            yield from getattr(self._data, f"{part}_iter")()
        except Exception as error:  # of requests, of the OS, of parsers, and the library's own, which have no base
            raise ReaderError(f"{self._source} can't be read: {first_line(error)}") from error


def _text(id: str, record: Any) -> Text:
    if "text" in record._fields:
        return Text(id, getattr(record, "title", None) or "", record.text or "")
    return Text(id, "", record.default_text() or "")
