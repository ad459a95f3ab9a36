"""Documents in, hits out: the pipeline and the search client together, on each engine."""

from __future__ import annotations

import itertools
import math
import random
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import models as q

from postings import Document, EdgeIndex, Encoder, Index, Settings, SparseVector
from postings.errors import InvalidQuery
from postings.index import Point, SearchRequest
from postings.index.filters import as_json
from postings.index.protocol import Fusion
from postings.passages import passage_input
from postings.words import WordsConfig
from postings_ingest import Pipeline
from postings_ingest.indexing_words import index_words
from postings_query import SearchClient
from tests.support.filters import number_is
from tests.support.sentences import LONG, SENTENCES
from tests.support.shards import sharded


def test_a_hit_carries_the_document(client: SearchClient) -> None:
    hit = client.search("a man eats bread", limit=1)[0]
    assert (hit.id, hit.title, hit.text, hit.metadata, hit.version) == ("1", "Food", SENTENCES[1], {"number": 1}, 5)
    assert (hit.ordinal, hit.start, hit.end, hit.contributions) == (0, 0, len(SENTENCES[1]), ())


def test_scores_are_the_dot_products_of_the_encoders_vectors(client: SearchClient, encoder: Encoder) -> None:
    query = "a man on horseback"
    (vector,) = encoder.encode_queries([query])
    for hit in client.search(query, limit=50, words=0):
        text, _ = passage_input(encoder, hit.title, hit.text)
        (document,) = encoder.encode_documents([text])
        assert hit.score == pytest.approx(vector.dot(document), rel=1e-4)


@pytest.mark.parametrize("words", [None, 0, 3.5])
@pytest.mark.parametrize("query", ["a man eats bread", "horses number 17", "music", "food!", "the the the"])
def test_contributions_add_up_to_the_score_and_come_largest_first(
    client: SearchClient, query: str, words: float | None
) -> None:
    hits = client.search(query, limit=50, explain=True, words=words)
    assert hits
    for hit in hits:
        parts = hit.contributions
        assert sum(part.contribution for part in parts) == pytest.approx(hit.score, rel=1e-4)
        assert [part.contribution for part in parts] == sorted((p.contribution for p in parts), reverse=True)
        for part in parts:
            assert part.contribution == pytest.approx(part.query_weight * part.document_weight)
            assert all(0 <= start < end <= len(hit.text) for start, end in part.evidence)
            assert all(0 <= start < end <= len(hit.title) for start, end in part.title_evidence)


def test_exact_words_contribute_what_the_score_has_more_than_the_models(client: SearchClient) -> None:
    (hit,) = client.search("the HORSES of it", limit=1, explain=True, filter={"must": [number_is(3)]})
    (word,) = [part for part in hit.contributions if part.exact_word]
    assert (word.token, [hit.text[start:end] for start, end in word.evidence]) == ("HORSES", ["horse"])
    (alone,) = client.search("the HORSES of it", limit=1, explain=True, words=0, filter={"must": [number_is(3)]})
    assert not any(part.exact_word for part in alone.contributions)
    assert word.contribution == pytest.approx(hit.score - alone.score, rel=1e-4)
    assert word.contribution == pytest.approx(word.query_weight * word.document_weight)
    (titled,) = client.search("food", limit=1, explain=True, filter={"must": [number_is(1)]})
    (word,) = [part for part in titled.contributions if part.exact_word]
    assert [titled.title[start:end] for start, end in word.title_evidence] == ["Food"]


@pytest.mark.parametrize("fusion", ["rrf", "dbsf"])
def test_a_fusion_of_ranks_gives_the_parts_of_either_side(client: SearchClient, fusion: Fusion) -> None:
    hits = client.search("a woman plays violin", limit=5, explain=True, fusion=fusion)
    assert hits[0].text == "A woman is playing violin."
    assert {part.exact_word for part in hits[0].contributions} == {True, False}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_an_identifier_finds_its_document_first_where_the_model_alone_misses_some(
    tmp_path: Path, encoder: Encoder
) -> None:
    choose = random.Random(3)
    numbers = {f"{choose.choice('BKRTX')}{choose.choice('XQMN')}-{choose.randrange(1000, 9999)}" for _ in range(150)}
    names = {"".join(choose.choice(["vlk", "mir", "zel", "kry", "azka", "ova"]) for _ in range(4)) for _ in range(150)}
    rest = "The warranty is two years. It fits pumps of other makers as well, with an adapter; ask for a discount."
    texts = {
        f"order a steel seal, number {each}": f"Seal made of steel. {rest} Its order number is {each}."
        for each in sorted(numbers)
    }
    texts |= {f"which picture did {each} paint": f"{rest} The picture was painted by {each}." for each in sorted(names)}
    with EdgeIndex(tmp_path) as index:
        Pipeline(encoder, index).run(Document(query, text) for query, text in texts.items())
        client = SearchClient(index=index, encoder=encoder)
        found = [hits[0].id for hits in client.search_batch(texts, 1)]
        alone = [hits[0].id for hits in client.search_batch(texts, 1, words=0)]
    assert found == list(texts)
    assert sum(id != query for id, query in zip(alone, texts, strict=True)) >= 3


def test_a_collection_without_words_is_searched_without_and_says_so_if_asked(index: Index, encoder: Encoder) -> None:
    Pipeline(encoder, index, Settings(words=0)).run([Document("1", "A lion hunts.")])
    client = SearchClient(index=index, encoder=encoder)
    (hit,) = client.search("lion", explain=True)
    assert not any(part.exact_word for part in hit.contributions)
    for options in ({"words": 0.5}, {"fusion": "rrf"}):
        with pytest.raises(InvalidQuery, match="postings words"):
            client.search("lion", **options)  # type: ignore[arg-type]
    report = index_words(index, WordsConfig(weight=1.0))
    assert (report.passages, report.indexed, report.words.average_length) == (1, 1, 2.0)
    (hit,) = SearchClient(index=index, encoder=encoder).search("lion", explain=True)
    assert any(part.exact_word for part in hit.contributions)


def test_the_settings_weight_goes_before_the_collections(filled: Index, encoder: Encoder) -> None:
    def score(settings: Settings, **options: float) -> float:
        return SearchClient(index=filled, encoder=encoder, settings=settings).search("violin", 1, **options)[0].score  # type: ignore[arg-type]

    collections = score(Settings())
    assert score(Settings(words=0.4)) == score(Settings(words=7), words=0.4) == collections
    without = score(Settings(words=0))
    assert score(Settings(words=1.0)) - without == pytest.approx(2.5 * (collections - without), rel=1e-4)


@pytest.mark.parametrize("wrong", [{"words": -1}, {"words": "much"}, {"words": float("nan")}, {"fusion": "max"}])
def test_a_wrong_weight_or_fusion_is_refused(client: SearchClient, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidQuery):
        client.search("lion", **wrong)  # type: ignore[arg-type]


def test_evidence_shows_the_word_behind_another_word(client: SearchClient) -> None:
    (hit,) = client.search("eat", limit=1, explain=True, filter={"must": [number_is(1)]})
    eat = next(part for part in hit.contributions if part.token == "eat")
    assert [hit.text[start:end] for start, end in eat.evidence] == ["eating"]
    (hit,) = client.search("food", limit=1, explain=True, filter={"must": [number_is(1)]})
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


def test_a_document_whose_vector_is_empty_is_stored_and_never_found(index: Index, encoder: Encoder) -> None:
    index.ensure(encoder.fingerprint, "tiny")
    index.upsert([Point("00000000-0000-0000-0000-000000000001", {}, {encoder.fingerprint: SparseVector([], [])})])
    assert SearchClient(index=index, encoder=encoder).search("food") == []


def test_a_document_that_changes_before_its_words_are_weighed_is_shown_as_it_is_then(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_and_search(self: EdgeIndex, *arguments: Any, **options: Any) -> Any:
        if next(searches) == 1:
            pipeline.run([Document("1", "A lion hunts zebras.", version=2)])
        return search(self, *arguments, **options)

    with EdgeIndex(tmp_path) as index:
        pipeline = Pipeline(encoder, index)
        pipeline.run([Document("1", "A lion sleeps.", version=1), Document("2", "Zebras hunt.", version=1)])
        searches, search = itertools.count(), EdgeIndex.search_batch
        monkeypatch.setattr(EdgeIndex, "search_batch", change_and_search)
        hits = SearchClient(index=index, encoder=encoder).search("which lions hunt", explain=True)
    assert {hit.id: hit.version for hit in hits} == {"1": 2, "2": 1}
    for hit in hits:
        assert math.fsum(part.contribution for part in hit.contributions) == pytest.approx(hit.score, rel=1e-5)


def test_an_explained_search_reads_words_in_one_way_though_they_change_while_the_query_is_encoded(
    tmp_path: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_and_encode(self: Encoder, queries: Iterable[str]) -> list[SparseVector]:
        index.set_words(WordsConfig(language="german"))
        client._look()
        return encode(self, queries)

    with EdgeIndex(tmp_path) as index:
        Pipeline(encoder, index).run([Document("1", "A lion sleeps.")])
        client = SearchClient(index=index, encoder=encoder)
        expected = client.search("lions hunting", explain=True)
        encode = Encoder.encode_queries
        monkeypatch.setattr(Encoder, "encode_queries", change_and_encode)
        assert client.search("lions hunting", explain=True) == expected


def test_points_of_another_client_are_no_hits(filled: Index, encoder: Encoder) -> None:
    client = SearchClient(index=filled, encoder=encoder)
    ways: list[dict[str, Any]] = [{"words": 0}, {"words": 0, "explain": True}, {"words": 0, "group_by_document": True}]
    query = "a woman plays violin"
    expected = [client.search(query, 3, offset, **way) for way in ways for offset in (0, 2)]
    (found,), passages = encoder.encode_documents([query]), filled.count()
    vectors = {encoder.fingerprint: SparseVector(found.indices, found.values * 10)}  # they are found first
    filled.upsert([Point(str(uuid.uuid4()), {"title": "Others"} if n % 2 else {}, vectors) for n in range(5)])
    best = filled.search(SearchRequest(found, encoder.fingerprint, 5))
    assert not any("doc_id" in point.payload for point in best)
    assert [client.search(query, 3, offset, **way) for way in ways for offset in (0, 2)] == expected
    assert index_words(filled, WordsConfig()).indexed == passages


def test_parts_add_up_on_six_shards_where_each_has_document_frequencies_of_its_own(
    tmp_path: Path, encoder: Encoder
) -> None:
    animals, places = ["lion", "horse", "monkey", "cheetah", "dog"], ["grass", "woods", "water", "snow"]
    texts = [f"A {animal} runs through the {place}." for animal in animals for place in places] * 3
    with EdgeIndex(tmp_path / "whole") as whole:
        Pipeline(encoder, whole).run(Document(str(n), text) for n, text in enumerate(texts))
        with sharded(whole, tmp_path, 6) as shards:
            client = SearchClient(index=shards, encoder=encoder)  # type: ignore[arg-type]
            hits = client.search("which lion runs in snow", limit=60, explain=True, words=1.0)
    assert len(hits) == 60
    for hit in hits:
        assert math.fsum(part.contribution for part in hit.contributions) == pytest.approx(hit.score, rel=1e-5)
    frequencies = {
        part.query_weight
        for hit in hits
        for part in hit.contributions
        if (part.token, part.exact_word) == ("lion", True)
    }
    assert max(frequencies) - min(frequencies) > 0.1
