"""The words of a collection in use are weighted anew: whatever the order and the crashes, no passage keeps old ones."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from postings import Document, Encoder, Index, Settings
from postings.errors import ConfigurationError
from postings.index.payload import PASSAGES
from postings.words import WORDS, Bm25, WordsConfig, word_input
from postings_ingest import Pipeline, index_words
from postings_ingest.indexing import Indexer
from tests.contract.test_unchanged import SETTINGS, Revisions
from tests.support.interleaving import Writer, try_interleavings

CONFIGS = [
    WordsConfig(average_length=4.0),
    WordsConfig(average_length=12.0),
    WordsConfig(language="none", average_length=4.0),
]


def check_words(index: Index) -> None:
    """Every passage has the words that the collection says, weighted as it says."""
    words = index.models().words
    assert words
    for point in index.scroll(PASSAGES, vectors=[WORDS]):
        (expected,) = Bm25(words).encode_documents([word_input(point.payload["title"], point.payload["text"])])
        assert point.vectors[WORDS].largest_difference(expected) < 1e-5, point.payload["doc_id"]


class Rewording(Revisions):
    """Writers step, overtake each other and die, while the words are weighted anew."""

    workers = Revisions.workers

    @initialize()
    def begin(self) -> None:
        Revisions.begin(self)
        self.index.delete({"must": [{"key": "version", "range": {"gte": 0}}]})
        self.rewording: Writer | None = None

    @rule(target=workers, words=st.sampled_from(CONFIGS))
    def reword(self, words: WordsConfig) -> Writer:
        if self.rewording is not None:
            self.rewording.finish()
        self.rewording = Writer(self.index, lambda index: index_words(index, words))
        return self.rewording

    def teardown(self) -> None:
        if self.rewording is not None:
            self.rewording.finish()
        index_words(self.index, CONFIGS[len(self.sent) % len(CONFIGS)])
        Revisions.teardown(self)
        check_words(self.index)


def test_no_interleaving_leaves_words_missing_or_stale(empty_index: Index, encoder: Encoder) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    machine = type("Rewording", (Rewording,), {"index": empty_index, "encoder": encoder})
    try_interleavings(machine, empty_index, 40)


@pytest.mark.parametrize("before", [CONFIGS[0], WordsConfig()], ids=["given average", "average to measure"])
def test_a_writer_on_its_way_sees_to_words_that_were_weighted_anew_meanwhile(
    empty_index: Index, encoder: Encoder, before: WordsConfig
) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name, before)

    def write(index: Index) -> None:
        indexer = Indexer(encoder, index, SETTINGS)
        indexer.write(indexer.encode([Document("1", "The lion hunts the lioness.", version=1)]))

    writer = Writer(empty_index, write)
    writer.step()
    index_words(empty_index, CONFIGS[2])
    writer.finish()
    assert empty_index.models().words == CONFIGS[2]
    check_words(empty_index)


def test_the_average_length_is_measured_on_what_is_written_first(empty_index: Index, encoder: Encoder) -> None:
    texts = ["lions hunt", "lions sleep under trees near water"]
    Pipeline(encoder, empty_index, Settings()).run(Document(str(n), text) for n, text in enumerate(texts))
    words = empty_index.models().words
    assert words is not None
    assert (words.average_length, words.measured_on) == (3.5, 2)  # "under" is no stop word
    check_words(empty_index)
    again = index_words(empty_index, WordsConfig(weight=1.0))
    assert (again.words.average_length, again.passages, again.indexed) == (3.5, 2, 2)
    assert empty_index.models().words == again.words


def test_an_unknown_language_changes_nothing(empty_index: Index, encoder: Encoder) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    with pytest.raises(ConfigurationError, match="klingon"):
        index_words(empty_index, WordsConfig(language="klingon"))
    assert empty_index.models().words is None
