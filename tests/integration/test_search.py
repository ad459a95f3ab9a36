"""Documents in, hits out: the pipeline and the search client together, on each engine."""

from __future__ import annotations

import pytest
from qdrant_client import models as q

from postings import Encoder, Index, SparseVector
from postings.index import Point
from postings.index.filters import as_json
from postings.passages import passage_input
from postings_query import SearchClient
from tests.support.filters import number_is
from tests.support.sentences import LONG, SENTENCES


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
