"""Teachers that are models of sentence-transformers."""

from __future__ import annotations

from typing import Any

from postings.encoder.toolkit import model_folder
from postings.errors import ModelNotSupported
from postings_training.recipes.objective import TeacherSettings


def load_teacher(teacher: TeacherSettings, device: str) -> Any:
    """Load a cross-encoder, a dense model or a sparse encoder of sentence-transformers.

    Raises:
        ModelNotFound: there is no such model.
        ModelNotSupported: it can't be loaded as a model of ``teacher.kind``.
    """
    folder = model_folder(teacher.model)
    from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder

    kinds: dict[str, Any] = {"cross-encoder": CrossEncoder, "dense": SentenceTransformer, "sparse": SparseEncoder}
    try:
        return kinds[teacher.kind](str(folder), device=device, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and others for a broken folder
        raise ModelNotSupported(f"the teacher {teacher.model!r} isn't a {teacher.kind} model: {error}") from error
