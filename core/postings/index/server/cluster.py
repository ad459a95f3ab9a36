"""Requests to a server or a cluster: which node is asked, and retries when a request fails."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from qdrant_client import AsyncQdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from postings.errors import IndexRejected, IndexUnavailable, InvalidFilter, PostingsError
from postings.index.server.errors import index_error
from postings.index.server.node import Node
from postings.index.server.versions import CORPUS, Need, Version, shown
from postings.secrets import safe_cause

_PAUSES = (0.1, 0.4)
_PROBE_SECONDS = 2
_CLOSED = "the index was closed"

T = TypeVar("T")

log = logging.getLogger(__name__)


class Cluster:
    """Sends requests to a server, retries them where this may help, and raises the errors of Postings.

    Args:
        nodes: the server, or the nodes of a cluster. One node is used until it can't be reached or can't answer, then
            the next.
        collection: for messages.
        timeout: seconds that a request may take, including connecting, waiting, reading and retries. Each node gets a
            share of the remaining time.
        secrets: hidden in messages.
    """

    def __init__(self, nodes: Sequence[Node], collection: str, timeout: float, secrets: Collection[str] = ()) -> None:
        self._nodes = nodes
        self._current = 0
        self._answered = nodes[0]
        self._reason: IndexUnavailable | None = None
        self._collection = collection
        self._timeout = timeout
        self._secrets = secrets
        self._closed = False

    @property
    def address(self) -> str:
        """The address of the node in use."""
        return self._nodes[self._current].address

    async def open(self) -> None:
        """Connect to the first node that answers, and check the versions of the others.

        Other problems of the other nodes are logged: these nodes aren't needed yet.

        Raises:
            IndexUnavailable: no node can be reached.
            IndexRejected: the version of a node is too old.
        """
        await self.request(_nothing)
        others = [node for node in self._nodes if node.known_version is None]
        for problem in await asyncio.gather(*map(self._probe, others)):
            if problem is not None:
                log.warning("a node of the cluster can't be used: %s", problem)

    async def request(self, send: Callable[[AsyncQdrantClient], Awaitable[T]], need: Need | None = None) -> T:
        """Send a request; it may be repeated, as all requests of Postings may.

        Args:
            send: calls a method of a node's client.
            need: the Qdrant version that the request's filters need.

        Raises:
            IndexFailure, ModelMismatch: see :mod:`postings.index.server.errors`.
            InvalidFilter: a node is too old for the filter; nothing was sent.
        """
        if self._closed:
            raise IndexUnavailable(_CLOSED)
        earlier = ""
        try:
            # httpx only limits each read: a server that sends one byte a second would never time out.
            async with asyncio.timeout(self._timeout) as limit:
                deadline = limit.when() or 0.0
                for pause in (*_PAUSES, None):
                    try:
                        return await self._try_nodes(send, need, deadline)
                    except PostingsError as found:
                        cause = found.__cause__
                        requested = cause.retry_after_s if isinstance(cause, ResourceExhaustedResponse) else 0
                        wait = max(requested, (pause or 0) * random.uniform(0.5, 1))  # noqa: S311
                        late = asyncio.get_running_loop().time() + wait >= deadline
                        if not found.retry or pause is None or late or self._closed:
                            raise
                        earlier = f"; before that: {found}"
                    await asyncio.sleep(wait)
        except TimeoutError as error:
            raise IndexUnavailable(
                f"{self._describe(self._nodes[self._current])}: no answer in {self._timeout:g} s "
                f"(POSTINGS_INDEX_TIMEOUT){earlier}"
            ) from error
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            cancelled = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling()
            if cancelled or not self._closed:
                raise
            # A channel of gRPC that is closed cancels what waits for it, though nobody cancelled the task.
            raise IndexUnavailable(_CLOSED) from error
        raise AssertionError

    async def close(self) -> None:
        """Close the clients."""
        self._closed = True
        await asyncio.gather(*(node.close() for node in self._nodes))

    async def _try_nodes(
        self, send: Callable[[AsyncQdrantClient], Awaitable[T]], need: Need | None, deadline: float
    ) -> T:
        for left in range(len(self._nodes), 0, -1):
            node = self._nodes[self._current]
            share = (deadline - asyncio.get_running_loop().time()) / left
            try:
                async with asyncio.timeout(share if left > 1 else None):
                    client = await node.client()
                    if self._closed:  # meanwhile
                        await node.close()
                        raise IndexUnavailable(_CLOSED)
                    if need is not None:
                        await self._check(need, node)
                    answer = await send(client)
            except Exception as error:
                found = error if isinstance(error, PostingsError) else self._error(error, node)
                if found is None:
                    raise
                # Any other error is about the request, so another node would give it too.
                if isinstance(found, IndexUnavailable) and not self._closed:
                    self._leave(node, found)
                    if left > 1:
                        continue
                if found is error:
                    raise
                raise found from safe_cause(error, self._secrets)
            if node is not self._answered:
                log.warning("using %s from now on, because of: %s", node.address, self._reason)
            self._answered = node
            return answer
        raise AssertionError

    def _leave(self, node: Node, reason: IndexUnavailable) -> None:
        """Use the next node from now on, unless another request has already changed the node."""
        node.failed = True
        if self._nodes[self._current] is node:
            self._current = (self._current + 1) % len(self._nodes)
            self._reason = reason

    async def _check(self, need: Need, node: Node) -> None:
        """Raise :class:`InvalidFilter` if any known node is older: nodes forward requests to each other."""
        await node.version()
        if self._oldest() < need.version:
            # The nodes may have been updated in the meantime.
            await asyncio.gather(*map(self._probe, self._nodes))
        if (oldest := self._oldest()) < need.version:
            raise InvalidFilter(
                f"{self._describe(node)}: {_named(need)} needs Qdrant {shown(need.version)} or later, but "
                f"this server is {shown(oldest)}, which would ignore the condition"
            )

    def _oldest(self) -> Version:
        return min(node.known_version for node in self._nodes if node.known_version is not None)

    async def _probe(self, node: Node) -> PostingsError | None:
        """Ask a node for its version; return the error if it doesn't answer.

        Raises:
            IndexRejected: the node's version is too old.
        """
        try:
            async with asyncio.timeout(min(_PROBE_SECONDS, self._timeout)):
                await node.version(again=True)
        except IndexRejected:
            raise
        except Exception as error:
            found = error if isinstance(error, PostingsError) else self._error(error, node)
            if found is None:
                raise
            return found
        return None

    def _error(self, error: Exception, node: Node) -> PostingsError | None:
        return index_error(error, self._describe(node), self._secrets)

    def _describe(self, node: Node) -> str:
        return f"{node.address}, collection {self._collection!r}"


async def _nothing(_: AsyncQdrantClient) -> None:
    """Do nothing: only connecting is needed."""


def _named(need: Need) -> str:
    if need.word == CORPUS:
        return "counting a tenant's words by themselves (POSTINGS_WORDS=0 searches without words)"
    return f"{need.word!r} in the filter"
