"""The vectors that a teacher gives queries and documents."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from postings import Encoder, SparseVector
from postings.encoder.toolkit import model_folder
from postings_training.models.truncation import length_limit, truncated_to
from postings_training.recipes.objective import TeacherSettings
from postings_training.recipes.sections import TrainingSettings
from postings_training.teachers.teacher_models import load_teacher

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Vectors = Any  # csr_array or ndarray; both are indexed by rows and multiplied by @

SPECIAL_TOKENS = 2
"""Tokens that a model adds to a text."""


def teacher_vectors(
    teacher: TeacherSettings, queries: Sequence[str], documents: Sequence[str], settings: TrainingSettings, device: str
) -> tuple[Vectors, Vectors]:
    """Encode queries and documents with a sparse or dense teacher.

    Args:
        teacher: of kind ``sparse`` or ``dense``.
        queries: without repeats.
        documents: likewise.
        settings: ``max_length`` limits the tokens read of a text; ``precision`` applies to dense teachers.
        device: where the teacher runs.

    Returns:
        The queries' vectors and the documents', shape ``(texts, dims)`` each: scipy's for sparse, numpy's for dense.

    Raises:
        ModelNotFound: there is no such teacher.
        ModelNotSupported: it can't be loaded.
    """
    if teacher.kind == "sparse":
        encoder = Encoder.load(str(model_folder(teacher.model)), device)
        read = [[_start(encoder, text, settings.max_length) for text in texts] for texts in (queries, documents)]
        found = encoder.encode_queries(read[0]), list(encoder.stream_documents(read[1]))
        width = max(int(each.indices[-1]) for each in itertools.chain(*found) if len(each)) + 1
        return _matrix(found[0], width), _matrix(found[1], width)
    model = load_teacher(teacher, device)
    # If the model compares by cosine, normalized vectors make the products cosines.
    cosine = model.similarity_fn_name == "cosine"
    ours = {"batch_size": teacher.batch_size, "show_progress_bar": False, "normalize_embeddings": cosine}
    halved = torch.autocast(device, torch.bfloat16, enabled=settings.precision == "bfloat16")
    with truncated_to(model, length_limit(model, settings.max_length)), halved:
        return model.encode_query(queries, **ours), model.encode_document(documents, **ours)


def _start(encoder: Encoder, text: str, tokens: int | None) -> str:
    """The start of a text that takes this many tokens, two special ones included."""
    if tokens is None:
        return text
    ends = encoder.offsets(text)[: max(tokens - SPECIAL_TOKENS, 1), 1]
    return text[: int(ends.max(initial=0))]


def _matrix(vectors: Sequence[SparseVector], width: int) -> csr_array:
    from scipy.sparse import csr_array

    starts = np.cumsum([0, *map(len, vectors)])
    none = np.zeros(0, dtype=np.float32)
    values = np.concatenate([none, *(each.values for each in vectors)])
    return csr_array(
        (values, np.concatenate([none.astype(np.int32), *(each.indices for each in vectors)]), starts),
        shape=(len(vectors), width),
    )
