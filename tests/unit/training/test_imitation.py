"""The vectors that a distilled model is drawn to: its sparse teacher's, with exact words added."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from datasets import Dataset

from postings import Encoder
from postings.encoder.sources import model_folder
from postings.encoder.tokenizer import Tokenizer
from postings.errors import ConfigurationError
from postings_training.imitation import word_weights
from postings_training.in_batch import InBatch, InBatchDistillation
from postings_training.recipe import load_recipe

QUERIES = ["what hunts zebras", "where do herons fish", "who digs a sett"]
DOCUMENTS = ["A lion hunts zebras, and zebras fear it.", "Herons fish in the river.", "The badger digs its sett."]
DATA = Dataset.from_dict({"query": QUERIES, "positive": DOCUMENTS})


def in_batch(*changes: str) -> InBatch:
    changes = ("teachers=[{kind = 'sparse'}]", "imitation.weight=0.12", *changes)
    return InBatch(DATA, load_recipe("tiny", changes), "cpu")


def test_word_weights_are_bm25_with_the_inverse_document_frequency_on_both_sides() -> None:
    tokenizer = Tokenizer.load(model_folder("tiny"), 510, special_tokens=False)
    queries, documents = word_weights(QUERIES, DOCUMENTS, tokenizer)
    counts = [Counter(ids.tolist()) for ids in tokenizer.ids(DOCUMENTS)]
    mean = sum(map(Counter.total, counts)) / len(counts)

    def says(token: int) -> float:
        having = sum(token in each for each in counts)
        return math.log(1 + (len(counts) - having + 0.5) / (having + 0.5))

    for row, each in enumerate(counts):
        spread = 1.2 * (0.25 + 0.75 * each.total() / mean)
        expected = {token: says(token) * count / (count + spread) for token, count in each.items()}
        found = documents[[row]]
        assert dict(zip(found.indices.tolist(), found.data.tolist(), strict=True)) == pytest.approx(expected)
    for row, ids in enumerate(tokenizer.ids(QUERIES)):
        expected = {token: says(token) for token in set(ids.tolist())}
        found = queries[[row]]
        assert dict(zip(found.indices.tolist(), found.data.tolist(), strict=True)) == pytest.approx(expected)


def test_vectors_are_the_teachers_with_exact_words_added_and_little_weights_left_out() -> None:
    rows = torch.tensor([2, 0])
    found = in_batch("imitation.exact=0.5", "imitation.least=0.4").imitated(rows, 30_600)
    assert found is not None
    encoder = Encoder.load("tiny", "cpu")
    exact = word_weights(QUERIES, DOCUMENTS, Tokenizer.load(model_folder("tiny"), 126, special_tokens=False))
    for texts, vectors, words, encode in zip(
        (QUERIES, DOCUMENTS), found, exact, (encoder.encode_queries, encoder.encode_documents), strict=True
    ):
        expected = 0.5 * words[rows.numpy()].toarray()
        expected = np.pad(expected, ((0, 0), (0, 30_600 - expected.shape[1])))
        for row, vector in zip(expected, encode([texts[at] for at in rows]), strict=True):
            row[vector.indices] += vector.values
        np.testing.assert_allclose(vectors, np.where(expected < 0.4, 0, expected), rtol=1e-5)


def test_the_loss_is_the_squared_distance_from_them_beside_the_divergence() -> None:
    teachers, rows = in_batch(), torch.arange(3)
    wanted = teachers.imitated(rows, 30_522)
    assert wanted is not None
    distant = [wanted[0] + 0.01, wanted[1]]
    losses = [
        float(
            InBatchDistillation(lambda a, b: a @ b.T, 1.0, teachers, 3.0, weight).compute_loss_from_embeddings(
                distant, rows
            )
        )
        for weight in (0.0, 2.0)
    ]
    assert losses[1] - losses[0] == pytest.approx(2 * 30_522 * 0.01**2, rel=1e-3)


def test_teachers_read_no_more_of_a_text_than_the_model() -> None:
    long = Dataset.from_dict(
        {"query": QUERIES, "positive": [f"{each} Then it sleeps in a cave." for each in DOCUMENTS]}
    )
    short = InBatch(long, load_recipe("tiny", ["teachers=[{kind = 'sparse'}]", "training.max_length=8"]), "cpu")
    cut = Dataset.from_dict(
        {"query": QUERIES, "positive": ["A lion hunts zebras,", "Herons fish in", "The badger digs"]}
    )
    expected = InBatch(cut, load_recipe("tiny", ["teachers=[{kind = 'sparse'}]"]), "cpu")
    rows = torch.tensor([0])
    torch.testing.assert_close(short.scores(rows), expected.scores(rows))


def test_a_vocabulary_that_is_not_the_bases_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"the sparse teacher has 30522 vocabulary entries, the base only 99"):
        in_batch().imitated(torch.arange(3), 99)


def test_without_a_weight_nothing_is_imitated() -> None:
    assert in_batch("imitation.weight=0").imitated(torch.arange(3), 30_522) is None
