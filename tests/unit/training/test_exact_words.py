"""BM25 over a model's own tokens, with the inverse document frequency on both sides."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from postings.encoder.toolkit import Tokenizer, model_folder
from postings_training.teachers.exact_words import exact_words

QUERIES = ["what hunts zebras", "where do herons fish", "who digs a sett", ""]
DOCUMENTS = ["A lion hunts zebras, and zebras fear it.", "Herons fish in the river.", "The badger digs a sett.", ""]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(model_folder("tiny"), 510, special_tokens=False)


def says(having: int, of: int = len(DOCUMENTS)) -> float:
    return math.log(1 + (of - having + 0.5) / (having + 0.5))


def test_a_document_s_token_weighs_its_frequency_times_its_saturated_count(tokenizer: Tokenizer) -> None:
    _, documents = exact_words(QUERIES, DOCUMENTS, tokenizer)
    counts = [Counter(ids.tolist()) for ids in tokenizer.ids(DOCUMENTS)]
    mean = sum(map(Counter.total, counts)) / len(counts)
    for row, each in enumerate(counts):
        spread = 1.2 * (0.25 + 0.75 * each.total() / mean)
        expected = {
            token: says(sum(token in other for other in counts)) * count / (count + spread)
            for token, count in each.items()
        }
        found = documents[[row]]
        assert dict(zip(found.indices.tolist(), found.data.tolist(), strict=True)) == pytest.approx(expected)
        assert found.has_sorted_indices


def test_a_query_s_word_weighs_as_much_as_the_word_says_however_many_tokens_it_takes(tokenizer: Tokenizer) -> None:
    queries, _ = exact_words(["zyzzyva hunts", "hunts zebras"], DOCUMENTS, tokenizer)
    ((rare, *_),) = tokenizer.words(["zyzzyva"])
    assert len(rare) > 2
    assert queries[[0], list(rare)].sum() == pytest.approx(says(0), rel=1e-5)
    hunts, zebras = tokenizer.words(["hunts zebras"])[0]
    assert queries[0, hunts[0]] == queries[1, hunts[0]] == pytest.approx(says(1))
    assert queries[[1], list(zebras)].sum() == pytest.approx(says(1), rel=1e-5)


@pytest.mark.parametrize("word", ["qqqq", "xxxxxx"])
def test_a_token_that_a_word_has_twice_counts_once(word: str, tokenizer: Tokenizer) -> None:
    ((pieces,),) = tokenizer.words([word])
    assert len(set(pieces)) < len(pieces)
    queries, _ = exact_words([word], DOCUMENTS, tokenizer)
    assert queries.sum() == pytest.approx(says(0), rel=1e-5)


def test_what_the_vocabulary_does_not_know_has_no_weight(tokenizer: Tokenizer) -> None:
    queries, documents = exact_words(["\N{LION FACE}", "[UNK] [SEP]"], ["\N{LION FACE}", "lion"], tokenizer)
    assert queries.nnz == 0
    assert documents[[0]].nnz == 0


def test_a_word_s_tokens_share_by_how_much_they_say(tokenizer: Tokenizer) -> None:
    first, *others = tokenizer.words(["zyzzyva"])[0][0]
    queries, _ = exact_words(["zyzzyva"], ["zyzzyva", "z", "lion", "heron"], tokenizer)
    total = says(2, 4) + len(others) * says(1, 4)
    assert queries[0, first] == pytest.approx(says(1, 4) * says(2, 4) / total)
    assert queries[0, others[0]] == pytest.approx(says(1, 4) * says(1, 4) / total)


def test_a_word_is_written_as_the_commonest_form_of_its_stem_and_half_as_it_is(tokenizer: Tokenizer) -> None:
    ((zebra, plural),) = tokenizer.words(["zebras"])[0]
    texts = ["zebras", "zebra", "zebra", "lion"]
    queries, documents = exact_words(["zebras", "zebra"], texts, tokenizer)
    share = says(1, 4) / (says(3, 4) + says(1, 4))
    assert queries[0, zebra] == queries[1, zebra] == pytest.approx(says(3, 4))
    assert queries[0, plural] == pytest.approx(0.5 * says(3, 4) * share)
    saturated = 1 / (1 + 1.2 * (0.25 + 0.75 * 2 / 1.25))
    assert documents[0, zebra] == pytest.approx(saturated * says(3, 4))
    assert documents[0, plural] == pytest.approx(0.5 * saturated * says(1, 4))
    assert queries[1, plural] == documents[1, plural] == 0


def test_texts_without_a_word_have_no_weights(tokenizer: Tokenizer) -> None:
    queries, documents = exact_words(["", "lion"], ["", ""], tokenizer)
    assert queries[[0]].nnz == documents.nnz == 0
    assert queries[[1]].nnz == 1
