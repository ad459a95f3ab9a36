"""Search a collection, and see token by token why each hit scored."""

from postings_query.aio import AsyncSearchClient
from postings_query.client import SearchClient
from postings_query.hits import Contribution, Hit

__all__ = ["AsyncSearchClient", "Contribution", "Hit", "SearchClient"]
