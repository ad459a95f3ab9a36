"""Documents in, hits out: the pipeline and the search client together, on each engine."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import models as q

from postings import Document, EdgeIndex, Encoder, Index, Settings, SparseVector, open_index
from postings.documents import Passage
from postings.errors import CollectionNotFound, IndexUnavailable, InvalidFilter, InvalidQuery, ModelMismatch
from postings.index.filters import as_json
from postings.index.payload import passage_point
from postings.passages import passage_input
from postings_ingest import Pipeline
from postings_query import AsyncSearchClient, Hit, SearchClient
from tests.contract.test_index import same_index_for_all_examples
from tests.support.indexes import ENGINES, engine
from tests.support.sentences import SENTENCES

LONG = " ".join(f"Sentence {n} tells of horses and of number {n}." for n in range(200))


@pytest.fixture(scope="module", params=ENGINES)
def filled(
    request: pytest.FixtureRequest, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Index]:
    """An index that tests only read."""
    documents = [
        Document(str(n), text, title="Food" if "eating" in text else "", metadata={"number": n}, version=5)
        for n, text in enumerate(SENTENCES)
    ]
    with engine(request.param, tmp_path_factory.mktemp("index")) as index:
        Pipeline(encoder, index).run([*documents, Document("long", LONG, metadata={"number": 99})])
        yield index


@pytest.fixture
def client(filled: Index, encoder: Encoder) -> SearchClient:
    return SearchClient(index=filled, encoder=encoder)


def test_a_hit_carries_the_document(client: SearchClient) -> None:
    hit = client.search("a man eats bread", limit=1)[0]
    assert (hit.id, hit.title, hit.text, hit.metadata, hit.version) == ("1", "Food", SENTENCES[1], {"number": 1}, 5)
    assert (hit.ordinal, hit.start, hit.end, hit.contributions) == (0, 0, len(SENTENCES[1]), ())


def test_scores_are_the_dot_products_of_the_encoders_vectors(client: SearchClient, encoder: Encoder) -> None:
    query = "a man on horseback"
    (vector,) = encoder.encode_queries([query])
    for hit in client.search(query, limit=50):
        text, _ = passage_input(encoder, hit.title, hit.text)
        (document,) = encoder.encode_documents([text])
        assert hit.score == pytest.approx(vector.dot(document), rel=1e-4)


@pytest.mark.parametrize("query", ["a man eats bread", "horses number 17", "music", "food!", "the the the"])
def test_contributions_add_up_to_the_score_and_come_largest_first(client: SearchClient, query: str) -> None:
    hits = client.search(query, limit=50, explain=True)
    assert hits
    for hit in hits:
        parts = hit.contributions
        assert sum(part.contribution for part in parts) == pytest.approx(hit.score, rel=1e-4)
        assert [part.contribution for part in parts] == sorted((p.contribution for p in parts), reverse=True)
        for part in parts:
            assert part.contribution == pytest.approx(part.query_weight * part.document_weight)
            assert all(0 <= start < end <= len(hit.text) for start, end in part.evidence)
            assert all(0 <= start < end <= len(hit.title) for start, end in part.title_evidence)


def test_evidence_shows_the_word_behind_another_word(client: SearchClient) -> None:
    (hit,) = client.search("eat", limit=1, explain=True, filter={"must": [_number(1)]})
    eat = next(part for part in hit.contributions if part.token == "eat")
    assert [hit.text[start:end] for start, end in eat.evidence] == ["eating"]
    (hit,) = client.search("food", limit=1, explain=True, filter={"must": [_number(1)]})
    food = next(part for part in hit.contributions if part.token == "food")
    assert [hit.title[start:end] for start, end in food.title_evidence] == ["Food"]


def test_long_documents_are_found_by_passage_or_once(client: SearchClient) -> None:
    passages = [hit for hit in client.search("horses of number 150", limit=100) if hit.id == "long"]
    assert len(passages) > 3
    assert {hit.ordinal for hit in passages} == set(range(len(passages)))
    assert all(LONG[hit.start : hit.end] == hit.text for hit in passages)
    grouped = client.search("horses of number 150", limit=100, group_by_document=True)
    ids = [hit.id for hit in grouped]
    assert len(ids) == len(set(ids))
    best = max(passages, key=lambda hit: hit.score)
    assert next(hit for hit in grouped if hit.id == "long") == best


@pytest.mark.parametrize("grouped", [False, True])
def test_pages_are_slices_of_the_whole(client: SearchClient, grouped: bool) -> None:
    whole = client.search("a man riding horses", limit=100, group_by_document=grouped)
    pages = [client.search("a man riding horses", 3, offset, group_by_document=grouped) for offset in (0, 3, 6)]
    assert [hit for page in pages for hit in page] == whole[:9]


_runs = itertools.count()
_TEXTS = ["All rights reserved.", "See the terms of use.", "Drums."]
_texts = st.lists(st.sampled_from(_TEXTS), min_size=1, max_size=3)


@settings(same_index_for_all_examples, max_examples=30)
@given(
    documents=st.lists(_texts, min_size=1, max_size=50),
    limit=st.integers(1, 20),
    starts=st.sets(st.integers(0, 50), min_size=1, max_size=4),
    above=st.booleans(),
)
def test_pages_of_documents_and_passages_are_slices_of_one_list_whatever_ties(
    index: Index, encoder: Encoder, documents: list[list[str]], limit: int, starts: set[int], above: bool
) -> None:
    index.ensure(encoder.fingerprint, encoder.name)
    run = next(_runs)
    vectors = dict(zip(_TEXTS, encoder.encode_documents(_TEXTS), strict=True))
    points = []
    for number, texts in enumerate(documents):
        for ordinal, text in enumerate(texts):
            passage = Passage(f"{run} {number}", ordinal, 0, len(text), text, "", {"run": run}, 1, len(texts))
            points.append(passage_point(passage, {encoder.fingerprint: vectors[text]}))
    index.upsert(points)
    client = SearchClient(index=index, encoder=encoder)
    of_run = {"must": [{"key": "metadata.run", "match": {"value": run}}]}

    def pages_are_slices_of(whole: list[Hit], **options: Any) -> None:
        for start in starts | {max(len(whole) - 1, 0)}:
            page = client.search("terms of use, all rights", limit, start, of_run, **options)
            assert page == whole[start : start + limit]

    passages = client.search("terms of use, all rights", 1000, 0, of_run)
    ids = {(point.payload["doc_id"], point.payload["ordinal"]): point.id for point in points}
    assert passages == sorted(passages, key=lambda hit: (-hit.score, ids[hit.id, hit.ordinal]))
    pages_are_slices_of(passages)
    best: dict[str, Hit] = {}
    for hit in passages:
        best.setdefault(hit.id, hit)
    pages_are_slices_of(list(best.values()), group_by_document=True)
    for score in {hit.score for hit in passages}:
        threshold = float(np.nextafter(np.float32(score), np.float32(math.inf))) if above else score
        expected = [hit for hit in best.values() if hit.score >= threshold]
        pages_are_slices_of(expected, group_by_document=True, score_threshold=threshold)
    index.delete(of_run)


def test_a_batch_gives_what_single_searches_give(client: SearchClient) -> None:
    queries = ["food", "a white horse", "violin"]
    batch = client.search_batch(queries, 4, explain=True)
    for query, hits in zip(queries, batch, strict=True):
        alone = client.search(query, 4, explain=True)
        assert [hit.id for hit in hits] == [hit.id for hit in alone]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in alone], rel=1e-4)
    assert client.search_batch(iter(queries), 4, explain=True) == batch
    assert client.search_batch([]) == []


def test_a_threshold_and_filters_limit_the_hits(client: SearchClient) -> None:
    whole = client.search("a man", limit=100)
    threshold = (whole[2].score + whole[3].score) / 2
    assert client.search("a man", limit=100, score_threshold=threshold) == whole[:3]
    client_filter = q.Filter(must=[q.FieldCondition(key="metadata.number", range=q.Range(lte=1))])
    generated = {"must": ({"key": "metadata.number", "match": {"any": iter((0, 1))}} for _ in "a")}
    for filter in (client_filter, as_json(client_filter), generated):
        assert {hit.id for hit in client.search("a man", filter=filter)} == {"0", "1"}


def test_the_asynchronous_client_gives_the_same(client: SearchClient, filled: Index, encoder: Encoder) -> None:
    async def search() -> None:
        async with AsyncSearchClient(index=filled, encoder=encoder) as asynchronous:
            hits = await asyncio.gather(*(asynchronous.search(text, 3, explain=True) for text in SENTENCES))
            assert [found[0].id for found in hits] == [client.search(text, 1)[0].id for text in SENTENCES]
            assert await asynchronous.search_batch(["food"], 2) == client.search_batch(["food"], 2)

    asyncio.run(search())
    assert filled.count() > 0, "an index that was passed in stays open"


@pytest.mark.parametrize("opened", ["before", "meanwhile", "never"])
def test_an_asynchronous_client_that_was_closed_stays_closed(tmp_path: Path, encoder: Encoder, opened: str) -> None:
    async def search_after_closing() -> None:
        client = AsyncSearchClient(encoder=encoder, settings=Settings(index_url=str(tmp_path)))
        if opened == "before":
            with pytest.raises(CollectionNotFound):
                await client.search("food")
        waiting = asyncio.create_task(client.search("food")) if opened == "meanwhile" else None
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(IndexUnavailable, match="the client was closed"):
            await client.search("food")
        if waiting is not None:
            await asyncio.wait([waiting])
        await client.close()

    asyncio.run(search_after_closing())
    with open_index(Settings(index_url=str(tmp_path))):
        """What it opened was closed too: nobody else could open the folder."""


@pytest.mark.parametrize(
    ("query", "options", "expected"),
    [
        ("", {}, "the query is empty"),
        (" \n", {}, "the query is empty"),
        ("\ud800", {}, "isn't valid Unicode"),
        (7, {}, "must be a string, got int"),
        ("x", {"limit": 0}, "limit must be >= 1"),
        ("x", {"offset": -1}, "offset >= 0"),
        ("x", {"limit": 9_999, "offset": 2}, "at most 10,000"),
        (None, {}, "must be a string, got NoneType"),
        (b"x", {}, "must be a string, got bytes"),
        ("x", {"limit": "10"}, "expected an integer for limit, got '10' .str."),
        ("x", {"limit": True}, "expected an integer for limit, got True"),
        ("x", {"limit": 10.0}, "expected an integer for limit, got 10.0"),
        ("x", {"offset": None}, "expected an integer for offset, got None"),
        ("x", {"offset": False}, "expected an integer for offset, got False"),
        ("x", {"score_threshold": "x"}, "expected a number for score_threshold, got 'x'"),
        ("x", {"score_threshold": math.nan}, "expected a number for score_threshold, got nan"),
        ("x", {"score_threshold": [1.0]}, "expected a number for score_threshold"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    client: SearchClient, query: object, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InvalidQuery, match=expected):
        client.search(query, **options)  # type: ignore[arg-type]


def test_what_is_no_filter_is_refused(client: SearchClient) -> None:
    wrong: Any
    for wrong in ("lang = en", [], [_number(1)], 5, True):
        with pytest.raises(InvalidFilter, match=f"got {type(wrong).__name__}"):
            client.search("x", filter=wrong)
    with pytest.raises(InvalidFilter):
        client.search("x", filter={"musst": []})


def test_a_string_instead_of_a_batch_is_refused(client: SearchClient) -> None:
    with pytest.raises(InvalidQuery, match="takes a list of queries"):
        client.search_batch("food")
    wrong: Any
    for wrong in (None, 5, b"food"):
        with pytest.raises(InvalidQuery, match="queries must hold"):
            client.search_batch(wrong)
    with pytest.raises(InvalidQuery, match="a query must be a string, got NoneType"):
        client.search_batch(["food", None])  # type: ignore[list-item]


def test_a_client_says_how_much_of_a_query_no_search_reads(
    client: SearchClient, filled: Index, encoder: Encoder
) -> None:
    window = encoder.query_tokens_left_out("lion " * 10_000)
    long = "lion " * (10_000 - window + 7)
    assert client.query_tokens_left_out("a lion") == 0
    assert client.query_tokens_left_out(long) == 7
    assert client.search(long) == client.search(long + "drums")

    async def left_out() -> int:
        async with AsyncSearchClient(index=filled, encoder=encoder) as asynchronous:
            with pytest.raises(InvalidQuery):
                await asynchronous.query_tokens_left_out("")
            return await asynchronous.query_tokens_left_out(long)

    assert asyncio.run(left_out()) == 7
    with pytest.raises(InvalidQuery):
        client.query_tokens_left_out(7)  # type: ignore[arg-type]


def test_a_collection_that_is_not_there_is_reported_at_the_first_search(index: Index, encoder: Encoder) -> None:
    with pytest.raises(CollectionNotFound):
        SearchClient(index=index, encoder=encoder).search("food")


def test_another_models_collection_is_never_read(index: Index, encoder: Encoder) -> None:
    index.ensure("f" * 32, "another")
    with pytest.raises(ModelMismatch, match="holds vectors of model 'another'"):
        SearchClient(index=index, encoder=encoder).search("food")
    with pytest.raises(ModelMismatch):
        Pipeline(encoder, index).run([Document("a", "text")])
    assert index.count() == 0


def test_a_client_by_collection_opens_and_closes_its_index(tmp_path: Path, encoder: Encoder) -> None:
    settings = Settings(index_url=str(tmp_path))
    with EdgeIndex(tmp_path, "notes") as index:
        Pipeline(encoder, index).run([Document("a", "a note about lions")])
    with SearchClient("notes", encoder=encoder, settings=settings) as client:
        assert [hit.id for hit in client.search("lions")] == ["a"]
    EdgeIndex(tmp_path, "notes").close()
    with pytest.raises(InvalidQuery, match="not both"):
        SearchClient("notes", index=index, encoder=encoder)


def test_a_document_whose_vector_is_empty_is_stored_and_never_found(index: Index, encoder: Encoder) -> None:
    from postings.index import Point

    index.ensure(encoder.fingerprint, "tiny")
    index.upsert([Point("00000000-0000-0000-0000-000000000001", {}, {encoder.fingerprint: SparseVector([], [])})])
    assert SearchClient(index=index, encoder=encoder).search("food") == []


def _number(value: int) -> dict[str, object]:
    return {"key": "metadata.number", "match": {"value": value}}
