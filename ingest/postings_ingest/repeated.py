"""Operations on one document in the same batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from postings import Document
from postings.digests import Digest
from postings.index.payload import DocumentKey
from postings_ingest.operations import Operation


def repeated(keys: Sequence[DocumentKey], operations: Sequence[Operation]) -> tuple[list[int], set[DocumentKey]]:
    """Find documents that come more than once.

    Args:
        keys: the document of each operation.
        operations: the operations.

    Returns:
        For each operation the position of the one to do in its place: if all operations on a document are alike, that
        is the first of them. And the documents that have different operations: all of these are to be done.

    Example:
        >>> a, b = Document("a", "A lion."), Document("a", "A horse.")
        >>> repeated([(None, "a")] * 2, [a, a]), repeated([(None, "a")] * 2, [a, b])
        (([0, 0], set()), ([0, 1], {(None, 'a')}))
    """
    several = {key for key, number in Counter(keys).items() if number > 1}
    contents: dict[DocumentKey, set[Any]] = {key: set() for key in several}
    for key, operation in zip(keys, operations, strict=True):
        if key in several:
            contents[key].add(_content(operation))
    different = {key for key, found in contents.items() if len(found) > 1}
    first: dict[DocumentKey, int] = {}
    places = [
        at if key not in several or key in different else first.setdefault(key, at) for at, key in enumerate(keys)
    ]
    return places, different


def _content(operation: Operation) -> tuple[Any, ...]:
    # 1 and 1.0 in the metadata are equal in Python, but aren't stored as the same.
    digest = Digest.of(operation, "") if isinstance(operation, Document) else None
    return digest, operation.version
