"""Every other sparse encoder (CSR, sum pooling), encoded by sentence-transformers itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from postings.encoder.model_files.modules import Task
from postings.encoder.model_files.tokenizer import Tokenizer
from postings.encoder.routes.activations import Activations, Floats, Integers, require_finite, vectors_of
from postings.encoder.routes.memory_errors import memory_errors

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder
    from torch import Tensor

_PASS_CHARACTERS = 48_000


class SentenceTransformers:
    """Encodes documents, or queries, with sentence-transformers.

    Args:
        model: the loaded model.
        task: which side of it.
        tokenizer: of the model's transformer.
    """

    def __init__(self, model: SparseEncoder, task: Task, tokenizer: Tokenizer) -> None:
        self.pass_size = _PASS_CHARACTERS
        self.concurrent = False
        self.tokenizer = tokenizer
        self._encode = model.encode_document if task == "document" else model.encode_query
        # What the model says of itself may be the size of its transformer.
        self.dims = int(self._weights([""]).shape[1])

    def prepare(self, texts: Sequence[str]) -> list[str]:
        """Return the texts themselves: sentence-transformers tokenizes them."""
        return list(texts)

    def prepare_with_offsets(self, texts: Sequence[str]) -> tuple[list[str], None]:
        """Return the texts themselves; offsets are of no use without positions."""
        return list(texts), None

    def encode(self, batch: Sequence[str], *, positions: bool) -> list[Activations]:  # noqa: ARG002
        """Encode in one pass; positions aren't known, because these models pool over all of them."""
        with memory_errors():
            rows, columns, values = self._active(batch)
        require_finite(values)
        lengths = np.bincount(rows, minlength=len(batch)).tolist()
        return [Activations(vector) for vector in vectors_of(columns, values, lengths)]

    def _active(self, batch: Sequence[str]) -> tuple[Integers, Integers, Floats]:
        """The texts, entries and weights of all that isn't 0, text by text."""
        weights = self._weights(batch)
        rows, columns = weights.nonzero(as_tuple=True)
        return rows.cpu().numpy(), columns.cpu().numpy(), weights[rows, columns].float().cpu().numpy()

    def _weights(self, batch: Sequence[str]) -> Tensor:
        return self._encode(
            list(batch), prompt="", batch_size=len(batch), convert_to_sparse_tensor=False, show_progress_bar=False
        )

    def positions(self, batch: Sequence[str], entries: Sequence[Integers]) -> None:  # noqa: ARG002
        """Return ``None``: positions aren't known."""
        return
