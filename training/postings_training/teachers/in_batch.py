"""Teachers that score every query of a batch for every document of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from postings.encoder.sources import model_folder
from postings.encoder.tokenizer import Tokenizer
from postings.errors import ConfigurationError, InvalidInput
from postings_training.recipes.objective import TeacherSettings
from postings_training.recipes.recipe import Recipe
from postings_training.recipes.sections import TrainingSettings
from postings_training.teachers.bm25 import bm25_vectors
from postings_training.teachers.neighbours import NeighbourBatches
from postings_training.teachers.related_words import related_words, whole_words
from postings_training.teachers.targets import target_vectors
from postings_training.teachers.vectors import SPECIAL_TOKENS, Vectors, teacher_vectors

if TYPE_CHECKING:
    from datasets import Dataset
    from scipy.sparse import csr_array

log = logging.getLogger(__name__)

_WINDOW = 512


class InBatchTeachers:
    """What an in-batch distillation needs to know of its rows: the teachers' vectors, and which rows are neighbours.

    Each text is encoded once by each teacher, before training; a batch then costs a product. That is why a
    cross-encoder can't be a teacher here.

    Args:
        data: with the columns ``query`` and ``positive`` and no others, in the order in which rows are numbered.
        recipe: its teachers, ``loss.positive``, ``training.batch_size``, ``training.group`` and ``training.seed``.
        device: where dense teachers run.

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
        self._wanted: tuple[csr_array, csr_array] | None = None
        if recipe.imitation.weight:
            sparse, vectors = found["sparse"]
            read = (settings.max_length or _WINDOW) - SPECIAL_TOKENS
            tokenizer = Tokenizer.load(model_folder(sparse.model), read, special_tokens=False)
            related = _related(*found["dense"], tokenizer, settings, device) if recipe.imitation.related else None
            self._wanted = target_vectors(vectors, texts, tokenizer, recipe.imitation, related)
        self._positive = recipe.loss.positive
        size, group = recipe.training.batch_size, recipe.training.group
        self.batches = NeighbourBatches(
            self._queries.of_row, self._documents.of_row, words, size, group, recipe.training.seed
        )

    def scores(self, rows: Tensor) -> Tensor:
        """The teachers' scores of the rows' queries for the rows' positives.

        Args:
            rows: their numbers, shape ``(n,)``.

        Returns:
            Shape ``(n, n)``: the weighted sum over the teachers, and on the diagonal ``loss.positive`` more.
        """
        chosen = rows.cpu().numpy()
        asked, answers = self._queries.of_row[chosen], self._documents.of_row[chosen]
        total = self._positive * np.eye(len(chosen))
        for queries, documents, scale in self._vectors:
            found = queries[asked] @ documents[answers].T
            total += scale * (found if isinstance(found, np.ndarray) else found.toarray())
        return torch.from_numpy(total).to(rows.device, torch.float32)

    def target_vectors(self, rows: Tensor, dims: int) -> tuple[Tensor, Tensor] | None:
        """The vectors that those of the rows' queries and positives shall be, if the recipe has such.

        Args:
            rows: their numbers, shape ``(n,)``.
            dims: of the model's vectors.

        Returns:
            Shape ``(n, dims)`` each.

        Raises:
            ConfigurationError: the sparse teacher has more entries in its vocabulary.
        """
        if self._wanted is None:
            return None
        if (more := self._wanted[0].shape[1]) > dims:
            raise ConfigurationError(
                f"imitation.weight: the sparse teacher has {more} vocabulary entries, the base only {dims}"
            )
        chosen = rows.cpu().numpy()
        places = self._queries.of_row[chosen], self._documents.of_row[chosen]
        queries, documents = (
            functional.pad(torch.from_numpy(each[at].toarray()), (0, dims - more)).to(rows.device)
            for each, at in zip(self._wanted, places, strict=True)
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
    """Texts without repeats, and which of them each row has."""

    def __init__(self, texts: Iterable[str]) -> None:
        numbers: dict[str, int] = {}
        self.of_row = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
        self.unique = list(numbers)
