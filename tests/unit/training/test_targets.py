"""The vectors that a distilled model is drawn to: its sparse teacher's, with exact words added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from scipy.sparse import csr_array

from postings import Encoder
from postings.encoder.toolkit import Tokenizer, model_folder
from postings.errors import ConfigurationError
from postings_training.losses.in_batch_kl import InBatchDistillation
from postings_training.recipes.loading import load_recipe
from postings_training.recipes.objective import ImitationSettings
from postings_training.teachers.exact_words import exact_words
from postings_training.teachers.in_batch import InBatchTeachers
from postings_training.teachers.targets import target_vectors
from tests.support.models import dense, save
from tests.support.sentences import SENTENCES

QUERIES = ["what hunts zebras", "where do herons fish", "who digs a sett"]
DOCUMENTS = ["A lion hunts zebras, and zebras fear it.", "Herons fish in the river.", "The badger digs its sett."]
DATA = Dataset.from_dict({"query": QUERIES, "positive": DOCUMENTS})


def in_batch(*changes: str, data: Dataset = DATA) -> InBatchTeachers:
    changes = ("teachers=[{kind = 'sparse'}]", "imitation.weight=0.12", *changes)
    return InBatchTeachers(data, load_recipe("tiny", changes), "cpu")


def test_vectors_are_the_teachers_with_exact_words_added_and_little_weights_left_out() -> None:
    rows = torch.tensor([2, 0])
    found = in_batch("imitation.exact=0.5", "imitation.least=0.4").target_vectors(rows, 30_600)
    assert found is not None
    encoder = Encoder.load("tiny", "cpu")
    exact = exact_words(QUERIES, DOCUMENTS, Tokenizer.load(model_folder("tiny"), 126, special_tokens=False))
    for texts, vectors, words, encode in zip(
        (QUERIES, DOCUMENTS), found, exact, (encoder.encode_queries, encoder.encode_documents), strict=True
    ):
        expected = 0.5 * words[rows.numpy()].toarray()
        expected = np.pad(expected, ((0, 0), (0, 30_600 - expected.shape[1])))
        for row, vector in zip(expected, encode([texts[at] for at in rows]), strict=True):
            row[vector.indices] += 2 * vector.values
        np.testing.assert_allclose(vectors, np.where(expected < 0.4, 0, expected), rtol=1e-5)


def test_the_loss_is_the_squared_distance_from_them_beside_the_divergence_and_counts_strong_weights_more() -> None:
    teachers, rows = in_batch(), torch.arange(3)
    wanted = teachers.target_vectors(rows, 30_522)
    assert wanted is not None
    queries, documents = (each / 2 for each in wanted)  # what stands for the teachers' at a scale of four

    def loss(queries: torch.Tensor, imitation: float) -> float:
        built = InBatchDistillation(lambda a, b: a @ b.T, 4.0, teachers, 3.0, imitation)
        return float(built.compute_loss_from_embeddings([queries, documents], rows))

    assert loss(queries, 2.0) == pytest.approx(loss(queries, 0.0))
    for strong in (True, False):
        places = (wanted[0] > 1.0) == strong
        distant = queries + 0.01 * places
        expected = 2 * (0.02**2 * (1 + 2 * wanted[0]) * places).sum(1).mean()
        assert loss(distant, 2.0) - loss(distant, 0.0) == pytest.approx(float(expected), rel=1e-2)


@pytest.mark.parametrize("limit", ["training.max_length=8", "model.max_length=8"])
def test_teachers_read_no_more_of_a_text_than_the_model(limit: str) -> None:
    long = Dataset.from_dict(
        {"query": QUERIES, "positive": [f"{each} Then it sleeps in a cave." for each in DOCUMENTS]}
    )
    short = InBatchTeachers(long, load_recipe("tiny", ["teachers=[{kind = 'sparse'}]", limit]), "cpu")
    cut = Dataset.from_dict(
        {"query": QUERIES, "positive": ["A lion hunts zebras,", "Herons fish in", "The badger digs"]}
    )
    expected = InBatchTeachers(cut, load_recipe("tiny", ["teachers=[{kind = 'sparse'}]"]), "cpu")
    rows = torch.tensor([0])
    torch.testing.assert_close(short.scores(rows), expected.scores(rows))


def test_a_vocabulary_that_is_not_the_bases_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"the sparse teacher has 30522 vocabulary entries, the base only 99"):
        in_batch().target_vectors(torch.arange(3), 99)


def test_without_a_weight_nothing_is_imitated() -> None:
    assert in_batch("imitation.weight=0").target_vectors(torch.arange(3), 30_522) is None


def test_related_words_are_added_too_and_half_as_much_to_queries() -> None:
    tokenizer = Tokenizer.load(model_folder("tiny"), 126, special_tokens=False)
    none = csr_array((3, 30_522), dtype=np.float32)
    related = csr_array(([2.0, 1.0], ([0, 1], [900, 901])), shape=(3, 30_522), dtype=np.float32)
    how = ImitationSettings(weight=1, exact=1, related=0.4, least=0)
    found = target_vectors((none, none), (QUERIES, DOCUMENTS), tokenizer, how, (related, related))
    for vectors, exact, share in zip(found, exact_words(QUERIES, DOCUMENTS, tokenizer), (0.2, 0.4), strict=True):
        np.testing.assert_allclose(vectors.toarray(), exact.toarray() + share * related.toarray(), rtol=1e-6)


def test_the_dense_teacher_says_which_words_are_related(tmp_path: Path) -> None:
    teachers = f"teachers=[{{kind = 'sparse'}}, {{kind = 'dense', model = '{save(dense, tmp_path)}'}}]"
    data = Dataset.from_dict({"query": SENTENCES, "positive": SENTENCES[::-1]})
    rows = torch.arange(len(SENTENCES))
    with_words = in_batch(teachers, "imitation.related=3", "imitation.least=0", data=data).target_vectors(rows, 30_522)
    without = in_batch(teachers, "imitation.least=0", data=data).target_vectors(rows, 30_522)
    assert with_words is not None
    assert without is not None
    for more, less in zip(with_words, without, strict=True):
        assert (more - less).min() >= -1e-6
        assert ((more > 0) & (less == 0)).any()
