"""Searches that come at once are answered together, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from postings import Document, EdgeIndex, Encoder
from postings.errors import InvalidFilter, InvalidQuery
from postings_ingest import Pipeline
from postings_query import Hit, SearchClient
from postings_serve.search.searches import TOGETHER, Searches
from tests.support.sentences import SENTENCES


class Counted(SearchClient):
    """Keeps how many queries each call had."""

    def search_batch(self, queries: Any, *args: Any, **kwargs: Any) -> list[list[Hit]]:
        asked = list(queries)
        self.calls = [*getattr(self, "calls", []), len(asked)]
        return super().search_batch(asked, *args, **kwargs)


@pytest.fixture(scope="module")
def client(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    with EdgeIndex(tmp_path_factory.mktemp("index")) as index:
        Pipeline(encoder, index).run(Document(str(n), text) for n, text in enumerate(SENTENCES))
        yield Counted(index=index, encoder=encoder)


def test_each_gets_its_own_answer_whoever_it_is_answered_with(client: Counted) -> None:
    wanted = [[client.search(text, limit) for limit in (1, 3)] for text in SENTENCES]

    async def all_at_once() -> list[list[list[Hit]]]:
        searches = Searches(threads=2)
        asked = [[searches.search(client, text, limit=limit) for limit in (1, 3)] for text in SENTENCES]
        found = [[(await each).hits for each in await _started(pair)] for pair in asked]
        searches.close()
        return found

    assert asyncio.run(all_at_once()) == wanted


async def _started(pair: list[Any]) -> list[Any]:
    return [asyncio.ensure_future(each) for each in pair]


def test_searches_gather_while_the_threads_are_busy(client: Counted) -> None:
    async def all_at_once() -> None:
        searches = Searches(threads=1)
        client.calls = []
        await asyncio.gather(*(searches.search(client, "food", limit=1) for _ in range(3 * TOGETHER)))
        searches.close()

    asyncio.run(all_at_once())
    assert client.calls[0] == 1, "the first doesn't wait"
    assert max(client.calls) == TOGETHER
    assert sum(client.calls) == 3 * TOGETHER


def test_an_error_of_one_is_not_that_of_others(client: Counted) -> None:
    async def all_at_once() -> list[Any]:
        searches = Searches(threads=1)
        asked = ["food", " ", "drums", "\ud800", "horse"]
        found = await asyncio.gather(
            *(searches.search(client, text, limit=1) for text in asked), return_exceptions=True
        )
        with pytest.raises(InvalidFilter):
            await searches.search(client, "food", filter={"must": 1})
        searches.close()
        return found

    found = asyncio.run(all_at_once())
    assert [type(each) for each in found[1::2]] == [InvalidQuery, InvalidQuery]
    assert [each.hits[0].text for each in found[::2]] == [SENTENCES[0], SENTENCES[7], SENTENCES[3]]


def test_a_bug_reaches_the_callers_and_ends_nothing(client: Counted) -> None:
    async def search() -> None:
        searches = Searches(threads=1)
        with pytest.raises(TypeError):
            await searches.search(client, "food", no_such_option=1)
        assert (await searches.search(client, "food", limit=1)).hits
        searches.close()

    asyncio.run(search())


class Faulty(SearchClient):
    """Fails on one query, as no error of the tree says."""

    def search_batch(self, queries: Any, *args: Any, **kwargs: Any) -> list[list[Hit]]:
        asked = list(queries)
        if "drums" in asked:
            raise ZeroDivisionError
        return super().search_batch(asked, *args, **kwargs)


def test_a_bug_that_one_query_meets_is_not_that_of_others(client: Counted, encoder: Encoder) -> None:
    faulty = Faulty(index=client._index, encoder=encoder)

    async def all_at_once() -> list[Any]:
        searches = Searches(threads=1)
        asked = ["food", "horse", "drums", "horse"]
        found = await asyncio.gather(
            *(searches.search(faulty, each, limit=1) for each in asked), return_exceptions=True
        )
        searches.close()
        return found

    found = asyncio.run(all_at_once())
    assert isinstance(found.pop(2), ZeroDivisionError)
    assert [each.hits[0].text for each in found] == [SENTENCES[0], SENTENCES[3], SENTENCES[3]]


def test_searches_that_no_thread_can_take_fail_and_those_after_them_do_not_wait(client: Counted) -> None:
    async def search() -> None:
        searches = Searches(threads=1)
        searches.close()
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await asyncio.wait_for(searches.search(client, "food", limit=1), 60)

    asyncio.run(search())


def test_a_search_whose_caller_is_gone_is_dropped(client: Counted) -> None:
    async def search() -> None:
        searches = Searches(threads=1)
        client.calls = []
        first = asyncio.ensure_future(searches.search(client, "food", limit=1))
        gone = [asyncio.ensure_future(searches.search(client, "horse", limit=2)) for _ in range(5)]
        await asyncio.sleep(0)
        for each in gone:
            each.cancel()
        await first
        assert (await searches.search(client, "drums", limit=1)).hits
        searches.close()

    asyncio.run(search())
    assert client.calls == [1, 1]
