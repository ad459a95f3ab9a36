"""Words that a dense model finds near to a text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from postings.encoder.toolkit import Tokenizer, model_folder
from postings_training.teachers.related_words import related_words, whole_words


def directions(count: int, seed: int, dims: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dims)).astype(np.float32)


@given(st.integers(1, 60), st.integers(1, 150), st.integers(0, 9))
def test_weights_are_deviations_above_two_and_the_highest_hundred_of_a_text(texts: int, words: int, seed: int) -> None:
    told, named = directions(texts, seed), directions(words, seed + 100)
    ids = np.random.default_rng(seed).permutation(1000)[:words]
    found = related_words(told, named, ids, 1000).toarray()
    unit = [each.astype(np.float64) / np.linalg.norm(each, axis=1, keepdims=True) for each in (told, named)]
    cosines = unit[0] @ unit[1].T
    above = (cosines - cosines.mean(0)) / np.maximum(cosines.std(0), 1e-4) - 2
    expected = np.zeros((texts, 1000))
    for row, each in enumerate(above):
        best = np.argsort(-each)[:100]
        expected[row, ids[best]] = np.maximum(each[best], 0)
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_lengths_do_not_matter() -> None:
    told, named = directions(50, 1), directions(90, 2)
    plain = related_words(told, named, np.arange(90), 90)
    scaled = related_words(told * 7, named * np.linspace(1, 3, 90)[:, None].astype(np.float32), np.arange(90), 90)
    assert abs(plain - scaled).max() < 1e-3


def test_no_text_has_no_vector() -> None:
    assert related_words(directions(0, 1), directions(3, 2), np.arange(3), 30).shape == (0, 30)


def test_words_are_tokens_of_three_letters_or_more() -> None:
    words = whole_words(Tokenizer.load(model_folder("tiny"), 512))
    assert "lion" in words
    assert not {"##s", "[CLS]", "of", "1984"} & words.keys()
