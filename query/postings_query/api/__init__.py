"""Clients of ``postings serve``, with the methods of the search clients."""

from postings_query.api.aio import AsyncApiClient
from postings_query.api.client import ApiClient

__all__ = ["ApiClient", "AsyncApiClient"]
