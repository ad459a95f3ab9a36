"""Queries with terms of one's own find what their weights say, on each engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from postings import Document, EdgeIndex, Encoder, Index, Settings, SparseVector
from postings.errors import InvalidQuery, ModelMismatch
from postings_ingest import Pipeline
from postings_query import AsyncSearchClient, Hit, SearchClient, Term, WeightedQuery
from tests.support.examples import examples
from tests.support.filters import number_is
from tests.support.models import save
from tests.support.sentences import SENTENCES

OPTIONS: list[dict[str, Any]] = [
    {},
    {"explain": True},
    {"words": 0, "explain": True},
    {"words": 7.5, "explain": True},
    {"fusion": "rrf"},
    {"fusion": "dbsf", "explain": True},
    {"group_by_document": True, "explain": True},
    {"limit": 3, "offset": 2, "score_threshold": 0.5},
]
QUERIES = ["a man eats bread", "horses number 17", "the the the", "VIOLIN? violins!", "zzyzx-9 ﷺ 食べ物"]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("query", QUERIES)
def test_the_terms_of_a_text_find_what_the_text_finds(
    client: SearchClient, query: str, options: dict[str, Any]
) -> None:
    terms = client.terms(query)
    weighted = WeightedQuery(query, reversed(terms))  # type: ignore[arg-type]
    found, wanted = client.search(weighted, **options), client.search(query, **options)
    assert found == wanted
    assert (found.model, found.terms) == (wanted.model, wanted.terms)
    assert found.terms == (tuple(terms) if options.get("explain") else ())


def test_the_terms_of_a_text_are_its_vectors_the_largest_first(client: SearchClient, encoder: Encoder) -> None:
    terms = client.terms("The HORSES ride horses")
    assert [each.weight for each in terms] == sorted((each.weight for each in terms), reverse=True)
    (vector,) = encoder.encode_queries(["The HORSES ride horses"])
    of_model = {each.index: each.weight for each in terms if not each.exact_word}
    assert of_model == dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
    assert {each.token for each in terms if not each.exact_word} == {*encoder.tokens(vector.indices)}
    assert {(each.token, each.weight) for each in terms if each.exact_word} == {("HORSES", 1.0), ("ride", 1.0)}


@hypothesis_settings(max_examples=examples(15), suppress_health_check=[*HealthCheck])
@given(data=st.data())
def test_parts_of_changed_weights_add_up_and_each_is_as_large_as_its_weight(client: SearchClient, data: Any) -> None:
    text = "a man rides a white horse and eats food"
    terms = client.terms(text)
    factors = data.draw(
        st.lists(st.sampled_from([0.0, 1e-6, 0.3, 1.0, 40.0]), min_size=len(terms), max_size=len(terms))
    )
    changed = [replace(each, weight=each.weight * by) for each, by in zip(terms, factors, strict=True)]
    by_term = {(each.index, each.exact_word): by for each, by in zip(terms, factors, strict=True)}
    number = data.draw(st.integers(0, 9))
    options: dict[str, Any] = {"explain": True, "words": 1.5, "filter": {"must": [number_is(number)]}}
    before = {
        (part.index, part.exact_word): part for hit in client.search(text, **options) for part in hit.contributions
    }
    kept = {each for each in before if by_term[each]}
    found = client.search(WeightedQuery(text, changed), **options)
    assert bool(found) == bool(kept)
    for hit in found:
        assert {(part.index, part.exact_word) for part in hit.contributions} == kept
        assert sum(part.contribution for part in hit.contributions) == pytest.approx(hit.score, rel=1e-4)
        for part in hit.contributions:
            same = before[part.index, part.exact_word]
            by = by_term[part.index, part.exact_word]
            assert (part.token, part.evidence) == (same.token, same.evidence)
            assert part.contribution == pytest.approx(by * same.contribution, rel=1e-4)
            assert part.query_weight == pytest.approx(by * same.query_weight, rel=1e-4)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("weight", [None, 0, 1e-60])
def test_without_terms_nothing_is_found(client: SearchClient, options: dict[str, Any], weight: float | None) -> None:
    terms = [] if weight is None else [replace(each, weight=weight) for each in client.terms("horse")]
    both = client.search_batch([WeightedQuery("horse", terms), "horse"], **options)
    assert both[0] == []
    assert both[1] == client.search("horse", **options)


def test_each_side_may_be_searched_alone(client: SearchClient) -> None:
    terms = client.terms("a horse")
    of_model = WeightedQuery("a horse", [each for each in terms if not each.exact_word])
    of_words = WeightedQuery("a horse", [each for each in terms if each.exact_word])
    assert client.search(of_model, explain=True) == client.search("a horse", words=0, explain=True)
    hits = client.search(of_words, explain=True, limit=100)
    assert {hit.id for hit in hits} >= {"3", "long"}
    assert all("horse" in hit.text.lower() for hit in hits)
    assert {part.exact_word for hit in hits for part in hit.contributions} == {True}


def test_a_word_that_the_text_lacks_is_called_as_its_term(client: SearchClient) -> None:
    (violin,) = (each for each in client.terms("violin") if each.exact_word)
    for token, shown in (("fiddle", "fiddle"), ("", f"[{violin.index}]")):
        query = WeightedQuery("music", [replace(violin, token=token), Term("", 2**31 - 1, 5.0, exact_word=True)])
        (hit,) = client.search(query, explain=True)
        assert [(part.token, part.exact_word) for part in hit.contributions] == [(shown, True)]
        assert [hit.text[start:end] for start, end in hit.contributions[0].evidence] == ["violin"]
        assert [each.token for each in client.terms(query)] == [f"[{2**31 - 1}]", shown]


def test_terms_beyond_the_models_vocabulary_or_of_another_model_are_refused(
    client: SearchClient, encoder: Encoder
) -> None:
    index = client.terms("horse")[0].index
    last = WeightedQuery("horse", [Term("", encoder.dims - 1, 1.0), Term("horse", index, 1.0)])
    assert client.search(last)
    for beyond in (encoder.dims, 2**31 - 1):
        for asked in (client.search, client.terms):
            with pytest.raises(InvalidQuery, match=f"below {encoder.dims:,} for this model, got {beyond:,}"):
                asked(WeightedQuery("horse", [Term("", beyond, 1.0)]))  # type: ignore[operator]
    with pytest.raises(ModelMismatch, match=f"term {index} is 'horse', not 'tiger'"):
        client.search_batch(["horse", WeightedQuery("horse", [Term("tiger", index, 1.0)])])


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ((1, 5, 1.0), "token of a term must be a string, got int"),
        (("\ud800", 5, 1.0), "surrogate"),
        (("", -1, 1.0), "in 0..2147483647, got -1"),
        (("", 2**31, 1.0), "in 0..2147483647, got 2147483648"),
        (("", True, 1.0), "integer for the index of a term, got True"),
        (("", 5.0, 1.0), "integer for the index of a term, got 5.0"),
        (("", 5, -0.1), "from 0 to 1,000,000, got -0.1"),
        (("", 5, float("nan")), "number for the weight of a term, got nan"),
        (("", 5, float("inf")), "from 0 to 1,000,000, got inf"),
        (("", 5, 10**400), "from 0 to 1,000,000, got inf"),
        (("", 5, "1"), "number for the weight of a term, got '1'"),
        (("", 5, 1.0, 1), "exact_word must be true or false, got 1"),
    ],
)
def test_a_wrong_term_is_named(term: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        Term(*term)
    assert said in str(refused.value)


def test_a_wrong_query_is_named(client: SearchClient) -> None:
    term, word = Term("", 5, 1.0), Term("", 5, 1.0, exact_word=True)
    assert WeightedQuery("x", iter([term, word])).terms == (term, word)  # type: ignore[arg-type]
    vectors = [WeightedQuery("x", [term, replace(word, weight=2)]).vector(exact_words=kind) for kind in (False, True)]
    assert vectors == [SparseVector([5], [1.0]), SparseVector([5], [2.0])]
    with pytest.raises(InvalidQuery, match="each term of the model may come once, got index 5 twice"):
        WeightedQuery("x", [term, word, replace(term, weight=0)])
    with pytest.raises(InvalidQuery, match="each exact word may come once, got index 5 twice"):
        WeightedQuery("x", [word, word])
    for text in ("", " ", "\ud800", None):
        with pytest.raises(InvalidQuery):
            WeightedQuery(text, [])  # type: ignore[arg-type]
    for terms in (None, "abc", [5], term):
        with pytest.raises(InvalidQuery, match="terms must hold"):
            WeightedQuery("x", terms)  # type: ignore[arg-type]
    for queries in (WeightedQuery("x", []), [None]):
        with pytest.raises(InvalidQuery):
            client.search_batch(queries)  # type: ignore[arg-type]


def test_exact_words_need_a_collection_with_words(index: Index, encoder: Encoder) -> None:
    Pipeline(encoder, index, Settings(words=0)).run([Document("1", "A lion hunts.")])
    client = SearchClient(index=index, encoder=encoder)
    terms = client.terms("lion")
    assert not any(each.exact_word for each in terms)
    assert client.search(WeightedQuery("lion", terms), explain=True) == client.search("lion", explain=True)
    word = Term("", 5, 1.0, exact_word=True)
    with pytest.raises(InvalidQuery, match="postings words"):
        client.search(WeightedQuery("lion", [*terms, word]))
    wanted = client.search("lion")
    assert client.search(WeightedQuery("lion", [*terms, word]), words=0) == wanted
    assert client.search(WeightedQuery("lion", [*terms, replace(word, weight=0)])) == wanted


def test_the_asynchronous_client_takes_terms_too(client: SearchClient, filled: Index, encoder: Encoder) -> None:
    async def search() -> tuple[list[Term], list[Hit]]:
        async with AsyncSearchClient(index=filled, encoder=encoder) as asynchronous:
            terms = await asynchronous.terms("a horse")
            return terms, await asynchronous.search(WeightedQuery("a horse", terms[1:]), explain=True)

    terms = client.terms("a horse")
    assert asyncio.run(search()) == (terms, client.search(WeightedQuery("a horse", terms[1:]), explain=True))


@pytest.mark.parametrize("model", ["csr", "csr_with_whole_queries", "inference_free", "sum_pooling"])
def test_models_of_other_kinds_take_their_terms_too(tmp_path: Path, model: str) -> None:
    encoder = Encoder.load(save(model, tmp_path), "cpu")
    text = "a man rides a horse"
    with EdgeIndex(tmp_path / "index") as index:
        Pipeline(encoder, index).run(Document(str(n), each) for n, each in enumerate(SENTENCES))
        client = SearchClient(index=index, encoder=encoder)
        terms = client.terms(text)
        assert client.search(WeightedQuery(text, terms), explain=True) == client.search(text, explain=True)
        with pytest.raises(InvalidQuery, match=f"below {encoder.dims} for this model"):
            client.search(WeightedQuery(text, [Term("", encoder.dims, 1.0)]))
