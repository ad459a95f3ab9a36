"""Teachers that score every query of a batch for every document of it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from postings import Encoder, SparseVector
from postings.encoder.sources import model_folder
from postings.encoder.tokenizer import Tokenizer
from postings.errors import ConfigurationError, InvalidInput
from postings_training.models.building import at_most, reading
from postings_training.recipes.loading import Recipe
from postings_training.recipes.sections import Teacher, Training
from postings_training.teachers.bm25 import bm25_vectors
from postings_training.teachers.by_row import load_teacher
from postings_training.teachers.neighbours import NeighbourBatches
from postings_training.teachers.related_words import related_words, whole_words
from postings_training.teachers.targets import imitated

if TYPE_CHECKING:
    from datasets import Dataset
    from scipy.sparse import csr_array

log = logging.getLogger(__name__)

_WINDOW, _SPECIAL = 512, 2
_STRONG = 2.0
"""A miss counts ``1 + 2 * weight`` times."""

Vectors = Any  # csr_array or ndarray; both are indexed by rows and multiplied by @


class InBatch:
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
        found: dict[str, tuple[Teacher, tuple[Vectors, Vectors]]] = {}
        for teacher in recipe.teachers:
            each = teacher.model_copy(update={"model": teacher.model or recipe.base})
            name = each.kind if each.kind == "bm25" else each.model
            log.info("%s reads %s queries and %s documents", name, *map(len, texts))
            vectors = words if each.kind == "bm25" else _vectors(each, *texts, settings, device)
            self._vectors.append((*vectors, each.scale))
            found[each.kind] = each, vectors
        self._wanted: tuple[csr_array, csr_array] | None = None
        if recipe.imitation.weight:
            sparse, vectors = found["sparse"]
            read = (settings.max_length or _WINDOW) - _SPECIAL
            tokenizer = Tokenizer.load(model_folder(sparse.model), read, special_tokens=False)
            related = _related(*found["dense"], tokenizer, settings, device) if recipe.imitation.related else None
            self._wanted = imitated(vectors, texts, tokenizer, recipe.imitation, related)
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

    def imitated(self, rows: Tensor, dims: int) -> tuple[Tensor, Tensor] | None:
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
    teacher: Teacher, meanings: tuple[Vectors, Vectors], tokenizer: Tokenizer, settings: Training, device: str
) -> tuple[csr_array, csr_array]:
    words = whole_words(tokenizer)
    log.info("%s reads %d words", teacher.model, len(words))
    vectors, _ = _vectors(teacher, list(words), [], settings, device)
    ids = np.array(list(words.values()))
    queries, documents = (related_words(each, vectors, ids, tokenizer.size) for each in meanings)
    return queries, documents


class _Texts:
    """Texts without repeats, and which of them each row has."""

    def __init__(self, texts: Iterable[str]) -> None:
        numbers: dict[str, int] = {}
        self.of_row = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
        self.unique = list(numbers)


class InBatchDistillation(nn.Module):
    """The divergence of the model's distribution over a batch's documents from the teachers', for each query.

    ``KL(softmax(teachers / T) || softmax(model / T)) * T ** 2``, the mean over the queries (Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531).

    Args:
        similarity: of queries and documents, shape ``(n, n)``.
        scale: similarities are multiplied by it.
        teachers: what is learned.
        temperature: ``T``; a high one teaches the order of unlikely documents too.
        imitation: weight of the squared distance from the vectors that the teachers want, the mean over the texts. So
            that their products are as high, the model's weights stand for ``sqrt(scale)`` times as much. A miss counts
            more where the teachers' weight is high: of those, the text's own words, depends what is found.
    """

    def __init__(
        self, similarity: Any, scale: float, teachers: InBatch, temperature: float, imitation: float = 0.0
    ) -> None:
        super().__init__()
        self._imitation = imitation
        self._similarity = similarity
        self._scale = scale
        self._teachers = teachers
        self._temperature = temperature

    def compute_loss_from_embeddings(self, embeddings: Sequence[Tensor], labels: Tensor) -> Tensor:
        """The loss of queries and documents; the labels are the rows' numbers."""
        queries, documents = embeddings
        found = self._similarity(queries, documents).float() * (self._scale / self._temperature)
        wanted = self._teachers.scores(labels.reshape(-1)) / self._temperature
        divergence = functional.kl_div(
            found.log_softmax(1), wanted.log_softmax(1), reduction="batchmean", log_target=True
        )
        loss: Tensor = divergence * self._temperature**2
        if vectors := self._teachers.imitated(labels.reshape(-1), queries.shape[1]):
            for model, teacher in zip(embeddings, vectors, strict=True):
                missed = (model * self._scale**0.5 - teacher).square() * (1 + _STRONG * teacher)
                loss = loss + self._imitation * missed.sum(1).mean()
        return loss


def _vectors(
    teacher: Teacher, queries: Sequence[str], documents: Sequence[str], settings: Training, device: str
) -> tuple[Vectors, Vectors]:
    if teacher.kind == "sparse":
        encoder = Encoder.load(str(model_folder(teacher.model)), device)
        read = [[_start(encoder, text, settings.max_length) for text in texts] for texts in (queries, documents)]
        found = encoder.encode_queries(read[0]), list(encoder.stream_documents(read[1]))
        width = max(int(each.indices[-1]) for each in itertools.chain(*found) if len(each)) + 1
        return _matrix(found[0], width), _matrix(found[1], width)
    model = load_teacher(teacher, device)
    # Where a model compares by cosine, so must the products of its vectors.
    cosine = model.similarity_fn_name == "cosine"
    ours = {"batch_size": teacher.batch_size, "show_progress_bar": False, "normalize_embeddings": cosine}
    halved = torch.autocast(device, torch.bfloat16, enabled=settings.precision == "bfloat16")
    with reading(model, at_most(model, settings.max_length)), halved:
        return model.encode_query(queries, **ours), model.encode_document(documents, **ours)


def _start(encoder: Encoder, text: str, tokens: int | None) -> str:
    """As much of a text as a model reads that takes so many tokens, two special ones among them."""
    return text if tokens is None else text[: int(encoder.offsets(text)[: max(tokens - _SPECIAL, 1), 1].max(initial=0))]


def _matrix(vectors: Sequence[SparseVector], width: int) -> csr_array:
    from scipy.sparse import csr_array

    starts = np.cumsum([0, *map(len, vectors)])
    none = np.zeros(0, dtype=np.float32)
    values = np.concatenate([none, *(each.values for each in vectors)])
    return csr_array(
        (values, np.concatenate([none.astype(np.int32), *(each.indices for each in vectors)]), starts),
        shape=(len(vectors), width),
    )
