"""In-batch distillation: the teachers' scores of every query for every document of a batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from torch.nn.functional import kl_div

from postings import Encoder
from postings.errors import InvalidInput, ModelNotFound
from postings_training.losses.in_batch_kl import InBatchDistillation
from postings_training.recipes.loading import load_recipe
from postings_training.teachers.bm25 import bm25_vectors
from postings_training.teachers.in_batch import InBatchTeachers
from tests.support.needed import minilm

QUERIES = ["what hunts zebras", "where do herons fish", "who digs a sett", "what is a salmon"]
DOCUMENTS = ["A lion hunts zebras.", "Herons fish in the river.", "The badger digs its sett.", "Salmon is a fish."]
DATA = Dataset.from_dict({"query": QUERIES, "positive": DOCUMENTS})


def in_batch(teachers: str, *changes: str) -> InBatchTeachers:
    recipe = load_recipe(
        "tiny", ["loss.kind=in-batch-kl", f"teachers={teachers}", "loss.positive=0", "imitation.weight=0", *changes]
    )
    return InBatchTeachers(DATA, recipe, "cpu")


def test_a_sparse_teacher_scores_by_dot_product() -> None:
    scores = in_batch("[{kind = 'sparse', model = 'tiny', scale = 2}]", "loss.positive=5").scores(torch.tensor([2, 0]))
    encoder = Encoder.load("tiny", "cpu")
    queries, documents = encoder.encode_queries(QUERIES), encoder.encode_documents(DOCUMENTS)
    expected = [[2 * queries[a].dot(documents[b]) + 5 * (a == b) for b in (2, 0)] for a in (2, 0)]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_several_teachers_are_summed() -> None:
    teachers = f"{{kind = 'bm25', scale = 1.5}}, {{kind = 'dense', model = '{minilm()}', scale = 40}}"
    scores = in_batch(f"[{teachers}]").scores(torch.arange(4))
    dense = SentenceTransformer(minilm(), device="cpu")
    queries, documents = bm25_vectors(QUERIES, DOCUMENTS)
    expected = 1.5 * (queries @ documents.T).toarray() + 40 * dense.encode(QUERIES) @ dense.encode(DOCUMENTS).T
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def test_the_loss_is_the_divergence_of_the_distributions() -> None:
    teachers = in_batch("[{kind = 'bm25'}]", "loss.positive=1")
    queries, documents = torch.rand(3, 7), torch.rand(3, 7)
    rows = torch.tensor([3, 1, 0])
    loss = InBatchDistillation(lambda a, b: a @ b.T, 1.0, teachers, 2.0)
    found = loss.compute_loss_from_embeddings([queries, documents], rows)
    wanted = (teachers.scores(rows) / 2).softmax(1)
    expected = kl_div((queries @ documents.T / 2).log_softmax(1), wanted, reduction="batchmean") * 4
    torch.testing.assert_close(found, expected)


def test_a_model_that_scores_as_its_teacher_has_nothing_to_learn() -> None:
    teachers = in_batch("[{kind = 'bm25'}]")
    queries, documents = bm25_vectors(QUERIES, DOCUMENTS)
    loss = InBatchDistillation(lambda a, b: a @ b.T, 1.0, teachers, 3.0)
    whole = [torch.from_numpy(each.toarray()) for each in (queries, documents)]
    assert float(loss.compute_loss_from_embeddings(whole, torch.arange(4))) == pytest.approx(0, abs=1e-6)


def test_rows_with_negatives_are_sent_to_the_other_loss() -> None:
    recipe = load_recipe("tiny", ["loss.kind=in-batch-kl", "teachers=[{kind = 'bm25'}]", "imitation.weight=0"])
    with pytest.raises(InvalidInput, match=r"they have negative_1: give rows of query and positive, or set loss\.kind"):
        InBatchTeachers(DATA.add_column("negative_1", DOCUMENTS[::-1]), recipe, "cpu")


def test_a_teacher_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="nowhere"):
        in_batch(f"[{{kind = 'dense', model = '{tmp_path / 'nowhere'}'}}]")
