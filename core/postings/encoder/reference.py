"""Any other sparse encoder (CSR, sum pooling), by sentence-transformers' own modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from postings.encoder.activations import Activations, Integers, require_finite, vectors_of
from postings.encoder.folder import Task
from postings.encoder.tokenizer import Tokenizer

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

_PASS_CHARACTERS = 48_000


class Reference:
    """One side of a model, as sentence-transformers encodes it.

    Args:
        model: the loaded model.
        task: which side.
        tokenizer: of its transformer.
    """

    def __init__(self, model: SparseEncoder, task: Task, tokenizer: Tokenizer) -> None:
        self.pass_size = _PASS_CHARACTERS
        self.concurrent = False
        self.tokenizer = tokenizer
        self._encode = model.encode_document if task == "document" else model.encode_query

    def prepare(self, texts: Sequence[str]) -> list[str]:
        """The texts themselves: sentence-transformers tokenizes."""
        return list(texts)

    def encode(self, batch: Sequence[str], *, positions: bool) -> list[Activations]:  # noqa: ARG002
        """One pass; no position is known, since these models pool over all of them."""
        weights = self._encode(
            list(batch), prompt="", batch_size=len(batch), convert_to_sparse_tensor=False, show_progress_bar=False
        )
        rows, columns = weights.nonzero(as_tuple=True)
        values = weights[rows, columns].float().cpu().numpy()
        require_finite(values)
        lengths = rows.bincount(minlength=len(batch)).tolist()
        return [Activations(vector) for vector in vectors_of(columns.cpu().numpy(), values, lengths)]

    def positions(self, batch: Sequence[str], entries: Sequence[Integers]) -> None:  # noqa: ARG002
        """Not known."""
        return
