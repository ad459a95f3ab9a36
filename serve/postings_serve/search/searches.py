"""Searches, several at once: those that come while others run are answered together."""

from __future__ import annotations

import asyncio
import functools
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from postings_query import Hits, SearchClient, WeightedQuery

Query = str | WeightedQuery

TOGETHER = 32
"""Queries that are answered together at most: each waits for the slowest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found.

    Attributes:
        query: the query's text.
        left_out: tokens at its end that the model didn't read.
        hits: the passages, best first, and the model and the terms that were searched.
    """

    query: str
    left_out: int
    hits: Hits


@dataclass(eq=False, slots=True)
class _Waiting:
    query: Query
    answer: asyncio.Future[Answer]


@dataclass(eq=False, slots=True)
class _Group:
    client: SearchClient
    options: Mapping[str, Any]
    waiting: list[_Waiting]


class Searches:
    """Answers searches in a few threads.

    No search waits for others to arrive. While all threads are busy, searches with the same options gather, and the
    next free thread answers up to 32 of them with one pass over the model and one request to the index. A search whose
    caller has gone away before its turn is dropped.

    Args:
        threads: that search at the same time.

    Example:
        >>> client = SearchClient(index=index, encoder=encoder)
        >>> async def found():
        ...     searches = Searches(threads=1)
        ...     answer = await searches.search(client, "chasing prey", limit=1)
        ...     searches.close()
        ...     return answer.hits[0].id
        >>> asyncio.run(found())
        '9'
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "postings-search")
        self._running = 0
        self._groups: OrderedDict[Hashable, _Group] = OrderedDict()

    async def search(self, client: SearchClient, query: Query, **options: Any) -> Answer:
        """Search; the options are those of :meth:`postings_query.SearchClient.search`.

        Raises:
            PostingsError: as :meth:`postings_query.SearchClient.search`.
        """
        loop = asyncio.get_running_loop()
        one = _Waiting(query, loop.create_future())
        key = (id(client), repr(sorted(options.items())))
        if (group := self._groups.get(key)) is None:
            group = self._groups[key] = _Group(client, options, [])
        group.waiting.append(one)
        if self._running < self._threads:
            self._running += 1
            self._start(loop)
        return await one.answer

    async def search_batch(self, client: SearchClient, queries: Sequence[Query], **options: Any) -> list[Answer]:
        """Search for several queries, with the same options."""
        return await asyncio.gather(*(self.search(client, query, **options) for query in queries))

    def close(self) -> None:
        """Finish the searches that run."""
        self._pool.shutdown()

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the group that has waited longest to a thread, or end this turn if none waits."""
        while self._groups:
            key, group = next(iter(self._groups.items()))
            group.waiting = [each for each in group.waiting if not each.answer.cancelled()]
            chosen, group.waiting = group.waiting[:TOGETHER], group.waiting[TOGETHER:]
            if group.waiting:
                self._groups.move_to_end(key)
            else:
                del self._groups[key]
            if chosen:
                queries = [each.query for each in chosen]
                try:
                    work = loop.run_in_executor(self._pool, _answers, group.client, queries, group.options)
                except RuntimeError as error:  # the pool is closed, or the system gives no thread
                    for each in chosen:
                        each.answer.set_exception(error)
                    continue
                work.add_done_callback(functools.partial(self._finish, loop, chosen))
                return
        self._running -= 1

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        chosen: Sequence[_Waiting],
        done: asyncio.Future[list[Answer | Exception]],
    ) -> None:
        self._start(loop)
        bug = done.exception()
        found = done.result() if bug is None else [bug] * len(chosen)
        for one, answer in zip(chosen, found, strict=True):
            if one.answer.cancelled():
                continue
            if isinstance(answer, BaseException):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)


def _answers(client: SearchClient, queries: Sequence[Query], options: Mapping[str, Any]) -> list[Answer | Exception]:
    try:
        return list(_searched(client, queries, options))
    except Exception as error:
        if len(queries) == 1:
            return [error]
    # The error, even a bug, may come from one query: the others must not get it.
    found: list[Answer | Exception] = []
    for query in queries:
        found += _answers(client, [query], options)
    return found


def _searched(client: SearchClient, queries: Sequence[Query], options: Mapping[str, Any]) -> list[Answer]:
    found = client.search_batch(queries, **options)
    return [_answer(client, query, hits) for query, hits in zip(queries, found, strict=True)]


def _answer(client: SearchClient, query: Query, hits: Hits) -> Answer:
    if isinstance(query, WeightedQuery):
        return Answer(query.text, 0, hits)
    return Answer(query, client.query_tokens_left_out(query), hits)
