"""Reading all matching points, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from postings.arguments import as_list
from postings.errors import InvalidInput
from postings.index.fields import checked_filter
from postings.index.protocol import Filter, Index, Point


def scrolled(
    index: Index, filter: Filter | None, fields: Sequence[str] | None, vectors: Sequence[str]
) -> Iterator[Point]:
    """Yield the points of all pages, see :meth:`postings.Index.scroll`."""
    # The arguments may be iterables that can be read only once.
    filter = None if filter is None else checked_filter(filter)
    fields = None if fields is None else as_list("fields", fields, str, InvalidInput)
    vectors = as_list("vectors", vectors, str, InvalidInput)
    offset = None
    while True:
        points, offset = index.page(filter, fields=fields, vectors=vectors, offset=offset)
        yield from points
        if offset is None:
            return
