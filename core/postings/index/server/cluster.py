"""A server, or a cluster of them: which node is asked, and what is done when a request fails."""

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
from postings.index.server.versions import Need, Version, shown
from postings.secrets import safe_cause

_PAUSES = (0.1, 0.4)
_LOOK_SECONDS = 2

T = TypeVar("T")

log = logging.getLogger(__name__)


class Cluster:
    """Sends requests to a server, again where that may help, and raises Postings' errors.

    Args:
        nodes: the server, or several of a cluster: one is asked until it can't be reached or can't answer, then the
            next.
        collection: for messages.
        timeout: seconds that a request may take, with everything: connecting, waiting, reading, and trying again. A
            node gets its share of what is left, so that there is time for the others.
        secrets: never shown in a message.
    """

    def __init__(self, nodes: Sequence[Node], collection: str, timeout: float, secrets: Collection[str] = ()) -> None:
        self._nodes = nodes
        self._at = 0
        self._answered = nodes[0]
        self._why: IndexUnavailable | None = None
        self._collection = collection
        self._timeout = timeout
        self._secrets = secrets

    @property
    def place(self) -> str:
        """The address that is used."""
        return self._nodes[self._at].place

    async def open(self) -> None:
        """Connect to the first node that answers, and look at the versions of the others.

        Whatever else is wrong with another node is logged: it is not needed yet.

        Raises:
            IndexUnavailable: none can be reached.
            IndexRejected: one is older than Postings needs.
        """
        await self.request(_nothing)
        others = [node for node in self._nodes if node.seen is None]
        for trouble in await asyncio.gather(*map(self._look, others)):
            if trouble is not None:
                log.warning("a node of the cluster can't be used: %s", trouble)

    async def check_version(self) -> None:
        """Raise :class:`IndexRejected` if the server is older than what Postings builds on."""
        await self.request(lambda _: self._nodes[self._at].version())

    async def request(self, send: Callable[[AsyncQdrantClient], Awaitable[T]], need: Need | None = None) -> T:
        """Send a request that may be repeated, as all of ours may.

        Args:
            send: calls a method of a node's client.
            need: of its filters, which no node may be too old for.

        Raises:
            IndexFailure, ModelMismatch: as :mod:`postings.index.server.errors` says.
            InvalidFilter: a node is older than the filter needs; nothing was sent.
        """
        said = ""
        try:
            # httpx limits each read, not their sum: a server that sends a byte a second would never time out.
            async with asyncio.timeout(self._timeout) as limit:
                ends = limit.when() or 0.0
                for pause in (*_PAUSES, None):
                    try:
                        return await self._try_nodes(send, need, ends)
                    except PostingsError as found:
                        cause = found.__cause__
                        asked = cause.retry_after_s if isinstance(cause, ResourceExhaustedResponse) else 0
                        wait = max(asked, (pause or 0) * random.uniform(0.5, 1))  # noqa: S311
                        if not found.retry or pause is None or asyncio.get_running_loop().time() + wait >= ends:
                            raise
                        said = f"; before that: {found}"
                    await asyncio.sleep(wait)
        except TimeoutError as error:
            raise IndexUnavailable(
                f"{self._where(self._nodes[self._at])}: no answer in {self._timeout:g} s (POSTINGS_INDEX_TIMEOUT){said}"
            ) from error
        raise AssertionError

    async def close(self) -> None:
        """Close the clients."""
        await asyncio.gather(*(node.close() for node in self._nodes))

    async def _try_nodes(self, send: Callable[[AsyncQdrantClient], Awaitable[T]], need: Need | None, ends: float) -> T:
        for left in range(len(self._nodes), 0, -1):
            node = self._nodes[self._at]
            share = (ends - asyncio.get_running_loop().time()) / left
            try:
                async with asyncio.timeout(share if left > 1 else None):
                    client = await node.client()
                    if need is not None:
                        await self._check(need, node)
                    answer = await send(client)
            except Exception as error:
                found = error if isinstance(error, PostingsError) else self._error(error, node)
                if found is None:
                    raise
                # Any other error is about the request: another node would say the same.
                if isinstance(found, IndexUnavailable):
                    self._leave(node, found)
                    if left > 1:
                        continue
                if found is error:
                    raise
                raise found from safe_cause(error, self._secrets)
            if node is not self._answered:
                log.warning("%s is asked from now on, after %s", node.place, self._why)
            self._answered = node
            return answer
        raise AssertionError

    def _leave(self, node: Node, why: IndexUnavailable) -> None:
        """Ask the next from now on, unless another request has seen to that already."""
        node.failed = True
        if self._nodes[self._at] is node:
            self._at = (self._at + 1) % len(self._nodes)
            self._why = why

    async def _check(self, need: Need, node: Node) -> None:
        """Raise :class:`InvalidFilter` if a node that was seen is older: one passes a request on to the others."""
        await node.version()
        if self._oldest() < need.version:
            # It may have been updated meanwhile.
            await asyncio.gather(*map(self._look, self._nodes))
        if (oldest := self._oldest()) < need.version:
            raise InvalidFilter(
                f"{self._where(node)}: {need.word!r} in the filter needs Qdrant {shown(need.version)} or later, and "
                f"this server is {shown(oldest)}: it would leave the condition out"
            )

    def _oldest(self) -> Version:
        return min(node.seen for node in self._nodes if node.seen is not None)

    async def _look(self, node: Node) -> PostingsError | None:
        """Ask a node for its version; of one that can't say it, what is wrong: it stays as it was seen.

        Raises:
            IndexRejected: it is older than Postings needs.
        """
        try:
            async with asyncio.timeout(min(_LOOK_SECONDS, self._timeout)):
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
        return index_error(error, self._where(node), self._secrets)

    def _where(self, node: Node) -> str:
        return f"{node.place}, collection {self._collection!r}"


async def _nothing(_: AsyncQdrantClient) -> None:
    """Connecting is all there is to do."""
