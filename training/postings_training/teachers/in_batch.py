"""Teachers that score every query of a batch for every document of the batch."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from postings.encoder.toolkit import Tokenizer, model_folder
from postings.errors import ConfigurationError, InvalidInput
from postings_training.recipes.objective import TeacherSettings
from postings_training.recipes.recipe import Recipe
from postings_training.recipes.sections import TrainingSettings
from postings_training.teachers.bm25 import bm25_vectors
from postings_training.teachers.neighbors import NeighborBatches
from postings_training.teachers.related_words import related_words, whole_words
from postings_training.teachers.targets import target_vectors
from postings_training.teachers.vectors import SPECIAL_TOKENS, Vectors, teacher_vectors

if TYPE_CHECKING:
    from datasets import Dataset
    from scipy.sparse import csr_array

log = logging.getLogger(__name__)

_MAX_LENGTH = 512


class InBatchTeachers:
    """The teachers of an in-batch distillation, and the batches that they are used on.

    Each teacher encodes each text once, before training; scoring a batch is then one product. A cross-encoder has no
    vectors, so it can't be a teacher here.

    Args:
        data: with the columns ``query`` and ``positive`` and no others; rows are numbered in this order.
        recipe: its ``teachers``, ``imitation``, ``loss.positive``, and the batches of ``training``.
        device: where the teachers run.

    Raises:
        InvalidInput: the rows have negatives.
        ModelNotFound: there is no such teacher.
        ModelNotSupported: a teacher can't be loaded.
    """

    def __init__(self, data: Dataset, recipe: Recipe, device: str) -> None:
        if extra := sorted(set(data.column_names) - {"query", "positive", "label"}):
            raise InvalidInput(
                f"loss.kind is 'in-batch-kl', which compares the rows of a batch, but they have {', '.join(extra)}: "
                "give rows of query and positive, or set loss.kind to 'contrastive' or 'kl'"
            )
        self._queries, self._documents = _Texts(data["query"]), _Texts(data["positive"])
        texts = self._queries.unique, self._documents.unique
        words = bm25_vectors(*texts)
        limits = [limit for limit in (recipe.training.max_length, recipe.model.max_length) if limit]
        settings = recipe.training.model_copy(update={"max_length": min(limits, default=None)})
        self._vectors = []
        found: dict[str, tuple[TeacherSettings, tuple[Vectors, Vectors]]] = {}
        for teacher in recipe.teachers:
            each = teacher.model_copy(update={"model": teacher.model or recipe.base})
            name = each.kind if each.kind == "bm25" else each.model
            log.info("%s reads %s queries and %s documents", name, *map(len, texts))
            vectors = words if each.kind == "bm25" else teacher_vectors(each, *texts, settings, device)
            self._vectors.append((*vectors, each.scale))
            found[each.kind] = each, vectors
        self._targets: tuple[csr_array, csr_array] | None = None
        if recipe.imitation.weight:
            sparse, vectors = found["sparse"]
            read = (settings.max_length or _MAX_LENGTH) - SPECIAL_TOKENS
            tokenizer = Tokenizer.load(model_folder(sparse.model), read, special_tokens=False)
            related = _related(*found["dense"], tokenizer, settings, device) if recipe.imitation.related else None
            self._targets = target_vectors(vectors, texts, tokenizer, recipe.imitation, related)
        self._positive = recipe.loss.positive
        size, group = recipe.training.batch_size, recipe.training.group
        self.batches = NeighborBatches(
            self._queries.of_row, self._documents.of_row, words, size, group, recipe.training.seed
        )

    def scores(self, rows: Tensor) -> Tensor:
        """Score the queries of some rows for the positives of the same rows.

        Args:
            rows: numbers of the rows, shape ``(n,)``.

        Returns:
            Shape ``(n, n)``: the weighted sum over the teachers, plus ``loss.positive`` on the diagonal.
        """
        chosen = rows.cpu().numpy()
        asked, answers = self._queries.of_row[chosen], self._documents.of_row[chosen]
        total = self._positive * np.eye(len(chosen))
        for queries, documents, scale in self._vectors:
            found = queries[asked] @ documents[answers].T
            total += scale * (found if isinstance(found, np.ndarray) else found.toarray())
        return torch.from_numpy(total).to(rows.device, torch.float32)

    def target_vectors(self, rows: Tensor, dims: int) -> tuple[Tensor, Tensor] | None:
        """The targets of the vectors of some rows' queries and positives; None without ``imitation.weight``.

        Args:
            rows: numbers of the rows, shape ``(n,)``.
            dims: of the model's vectors.

        Returns:
            Shape ``(n, dims)`` each.

        Raises:
            ConfigurationError: the sparse teacher has a larger vocabulary.
        """
        if self._targets is None:
            return None
        if (more := self._targets[0].shape[1]) > dims:
            raise ConfigurationError(
                f"imitation.weight: the sparse teacher has {more} vocabulary entries, the base only {dims}"
            )
        chosen = rows.cpu().numpy()
        places = self._queries.of_row[chosen], self._documents.of_row[chosen]
        queries, documents = (
            functional.pad(torch.from_numpy(each[at].toarray()), (0, dims - more)).to(rows.device)
            for each, at in zip(self._targets, places, strict=True)
        )
        return queries, documents


def _related(
    teacher: TeacherSettings,
    meanings: tuple[Vectors, Vectors],
    tokenizer: Tokenizer,
    settings: TrainingSettings,
    device: str,
) -> tuple[csr_array, csr_array]:
    words = whole_words(tokenizer)
    log.info("%s reads %d words", teacher.model, len(words))
    vectors, _ = teacher_vectors(teacher, list(words), [], settings, device)
    ids = np.array(list(words.values()))
    queries, documents = (related_words(each, vectors, ids, tokenizer.size) for each in meanings)
    return queries, documents


class _Texts:
    """Distinct texts, and the number of each row's text among them."""

    def __init__(self, texts: Iterable[str]) -> None:
        numbers: dict[str, int] = {}
        self.of_row = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
        self.unique = list(numbers)
