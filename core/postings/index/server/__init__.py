"""The index on a Qdrant server or cluster, or in qdrant-client's in-memory mode."""

from postings.index.server.aio import AsyncServerIndex
from postings.index.server.blocking import ServerIndex

__all__ = ["AsyncServerIndex", "ServerIndex"]
