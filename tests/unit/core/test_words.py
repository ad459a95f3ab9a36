"""Exact words: the tokens and weights of Qdrant's own BM25, where they occur in a text, and how they are configured."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import qdrant_edge as edge
from hypothesis import example, given
from hypothesis import strategies as st

from postings import Settings
from postings.errors import ConfigurationError
from postings.words import Bm25, WordsConfig, changed, configured, word_input
from postings.words.chunks import KnownChunks
from tests.support.strategies import json_values

BM25 = Bm25(WordsConfig(average_length=12.5))
QDRANT = edge.Bm25(edge.Bm25Config(avg_len=12.5))

_KNOWN = ["lion", "Lions", "running", "the", "ERR_CERT_42", "naïve", "東京都", "हिन्दी", "1.5"]
texts = st.lists(st.text(max_size=12) | st.sampled_from(_KNOWN), max_size=20).map(" ".join)


def weights(vector: Any) -> dict[int, float]:
    return dict(zip(map(int, vector.indices), map(float, vector.values), strict=True))


@given(texts)
@example("word " * 3000)
@example("")
def test_passages_have_the_tokens_and_weights_of_qdrants_bm25(text: str) -> None:
    (vector,) = BM25.encode_documents([text])
    assert weights(vector) == pytest.approx(weights(QDRANT.embed_document(text)), rel=1e-5)
    assert all(vector.indices[1:] > vector.indices[:-1])


@given(texts)
def test_queries_have_each_word_once(text: str) -> None:
    assert weights(BM25.encode_query(text)) == weights(QDRANT.embed_query(text))


@given(texts)
def test_every_word_is_found_where_it_stands(text: str) -> None:
    indices = BM25.encode_query(text).indices.tolist()
    spans = BM25.spans(text, indices)
    assert spans.keys() == set(indices)
    for index, found in spans.items():
        assert found == sorted(set(found))
        for start, end in found:
            assert index in BM25.encode_query(text[start:end]).indices
    for chunk in re.finditer(r"\S+", text):
        for index in BM25.encode_query(chunk[0]).indices.tolist():
            assert any(chunk.start() <= start and end <= chunk.end() for start, end in spans[index])


def test_the_parts_of_an_identifier_are_found_one_by_one() -> None:
    query = BM25.encode_query("err_cert_42")
    spans = BM25.spans("Seen: ERR_CERT_42, and Err.", query.indices.tolist())
    assert sorted(spans.values()) == [[(6, 9), (23, 26)], [(10, 14)], [(15, 17)]]


def test_words_that_are_not_asked_for_are_not_shown() -> None:
    assert BM25.spans("a lion hunts", BM25.encode_query("lions").indices.tolist()) == {
        int(BM25.encode_query("lion").indices[0]): [(2, 6)]
    }
    assert BM25.spans("a lion hunts", []) == {}


def test_a_passage_is_read_with_its_title() -> None:
    assert word_input("Lions", "They hunt.") == "Lions They hunt."
    assert word_input("", "They hunt.") == "They hunt."


def test_longer_passages_weigh_a_word_less() -> None:
    short, long = BM25.encode_documents(["lion", "lion " + "hunts prey " * 20])
    lion = BM25.encode_query("lion")
    assert short.dot(lion) > long.dot(lion) > 0


@pytest.mark.parametrize(
    ("config", "same"),
    [
        (WordsConfig(), {"running", "run"}),
        (WordsConfig(language="german"), {"läuft", "laufen"}),
        (WordsConfig(language="none", stemmer="english"), {"running", "run"}),
    ],
)
def test_a_stemmer_joins_the_forms_of_a_word(config: WordsConfig, same: set[str]) -> None:
    bm25 = Bm25(config)
    assert all(len(bm25.encode_query(word)) == 1 for word in same)
    if config.language != "german":  # whose stemmer keeps these two apart
        assert len(bm25.encode_query(" ".join(same))) == 1


def test_language_none_keeps_every_word_as_it_is() -> None:
    bm25 = Bm25(WordsConfig(language="none"))
    assert len(bm25.encode_query("the running run")) == 3
    assert len(Bm25(WordsConfig(stemmer="none")).encode_query("the running run")) == 2
    assert len(Bm25(WordsConfig(stopwords=("running",))).encode_query("the running")) == 1


@pytest.mark.parametrize("wrong", [{"words_language": "klingon"}, {"words_stemmer": "klingon"}])
def test_a_language_that_nobody_stems_is_refused_with_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="klingon"):
        configured(Settings(**wrong))


def test_the_settings_say_how_the_words_of_a_new_collection_are_read() -> None:
    settings = Settings(words=0.8, words_language="french", words_stopwords=["le"], words_average_length=30)
    assert configured(settings) == WordsConfig(0.8, "french", None, ("le",), 30.0)
    assert configured(Settings()) == WordsConfig(0.4, "english")
    assert configured(Settings(words=0)) is None


@given(
    st.builds(
        WordsConfig,
        weight=st.floats(0, 100),
        language=st.text(),
        stemmer=st.none() | st.text(),
        stopwords=st.none() | st.lists(st.text()).map(tuple),
        average_length=st.none() | st.floats(0.01, 1e6),
        measured_on=st.integers(0, 2048),
        added=st.booleans(),
    )
)
def test_what_a_collection_records_is_read_back(config: WordsConfig) -> None:
    assert WordsConfig.from_json(config.to_json()) == config


@given(json_values)
def test_a_malformed_record_is_no_config(data: Any) -> None:
    assert WordsConfig.from_json(data) is None


def test_the_average_length_is_that_of_the_first_thousand_passages_whoever_writes_them() -> None:
    words = WordsConfig().measured(words=1, passages=1)
    assert (words.average_length, words.measured_on, words.length) == (1.0, 1, 1.0)
    for _ in range(60):  # each in a process of its own
        words = words.measured(words=240, passages=3)
    assert words.measured_on >= 64
    assert words.average_length == pytest.approx(80, rel=0.02)
    assert words.measured(80, words.measured_on // 4 - 1) is words
    settled = words.measured(200_000, 1000)
    assert settled.measured(10**6, 10**5) is settled
    assert WordsConfig().measured(0, 5).average_length is None


def test_what_is_changed_stays_as_it_was_but_for_what_is_named() -> None:
    words = WordsConfig(0.9, "german", None, ("die",), 30.0, 500)
    assert changed(words, Settings()) == words
    assert changed(words, Settings(words=0.5)) == replace(words, weight=0.5)
    assert changed(words, Settings(words_language="french")) == replace(words, language="french")
    assert changed(words, Settings(words_average_length=7)) == replace(words, average_length=7.0, measured_on=0)
    assert changed(None, Settings(words=0.5)) == WordsConfig(0.5)
    with pytest.raises(ConfigurationError, match="klingon"):
        changed(words, Settings(words_language="klingon"))


def test_many_occurrences_of_a_word_are_counted_one_by_one() -> None:
    for number in (1, 706, 800, 2000, 9999):
        (counts,) = BM25.counts(["lion " * number])
        assert counts.values.tolist() == [number]


def test_long_strings_are_read_but_not_remembered() -> None:
    bm25 = Bm25(WordsConfig())
    lion = bm25.encode_query("lion").indices.tolist()
    for number in range(50):
        long = f"{'x' * 1000}{number},lion"
        assert list(bm25.spans(long, lion).values()) == [[(len(long) - 4, len(long))]]
    assert bm25._in_chunk.cache_info().currsize == 0
    read = []

    def words(chunk: str) -> set[int]:
        read.append(chunk)
        return {len(chunk)}

    chunks = KnownChunks(words)
    for _ in range(2):
        assert chunks.having({"x" * 64, "x" * 65}, {64, 65}) == {"x" * 64, "x" * 65}
    assert sorted(map(len, read)) == [64, 65, 65]


@given(
    st.lists(st.tuples(st.frozensets(st.text("abc", max_size=3)), st.frozensets(st.sampled_from("abc"))), max_size=8)
)
def test_chunks_with_a_word_are_those_of_a_plain_loop_also_after_forgetting(
    asked: list[tuple[set[str], set[str]]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("postings.words.chunks._MOST", 5)
        chunks = KnownChunks(lambda chunk: set(map(ord, chunk)))
        for these, letters in asked:
            wanted = set(map(ord, letters))
            assert chunks.having(these, wanted) == {each for each in these if wanted & set(map(ord, each))}


def test_an_average_length_that_was_given_is_kept() -> None:
    given = WordsConfig(average_length=30.0)
    assert given.measured(8, 2) is given
