"""Searches as requests to a Qdrant server's REST, for whoever wants to send them by other means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from postings.index.protocol import SearchRequest
from postings.index.ranking import Ranking
from postings.index.server.conversion import to_queries


def search_request(collection: str, request: SearchRequest, *, consistent: bool = False) -> dict[str, Any]:
    """What to send to a server for a search: ``method``, ``path`` and ``body``.

    The body is what :class:`ServerIndex` sends, without the point at either end of the page that shows it whether the
    page cuts through equal scores: here these are in the server's order.

    Args:
        collection: the collection.
        request: the search.
        consistent: whether to ask a majority of the replicas.

    Raises:
        InvalidFilter: this isn't a filter.

    Example:
        >>> from postings import SparseVector
        >>> search_request("articles", SearchRequest(SparseVector([5], [1.0]), "0123abcd", fields=["text"]))
        {'method': 'POST',
         'path': '/collections/articles/points/query',
         'body': {'query': {'nearest': {'indices': [5], 'values': [1.0]}}, 'using': '0123abcd',
                  'limit': 10, 'offset': 0, 'with_vector': False, 'with_payload': ['text']}}
    """
    (query,) = Ranking([request]).queries()
    (page,) = to_queries([replace(query, limit=request.limit, offset=request.offset)])
    return {
        "method": "POST",
        "path": f"/collections/{collection}/points/query{'?consistency=quorum' if consistent else ''}",
        "body": page.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
