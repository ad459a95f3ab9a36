"""What encodes one side of a model, documents or queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from postings.encoder.activations import Activations
from postings.encoder.tokenizer import Tokenizer

Prepared = Any
"""A text as its route takes it: token ids, or the text itself. Its ``len`` is what a pass pays for."""


class Route(Protocol):
    """From texts to activations, on one back end.

    The implementations: ``onnx`` (SPLADE on ONNX Runtime), ``max_first`` (SPLADE on PyTorch), ``static``
    (inference-free), ``reference`` (any other model, by sentence-transformers' own modules).
    """

    tokenizer: Tokenizer
    pass_size: int
    """What one pass may hold: texts x length of the longest."""

    concurrent: bool
    """Whether several threads may encode at once; else they take turns, and share passes."""

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Tokenize; called from several threads."""
        ...

    def encode(self, batch: Sequence[Prepared], *, positions: bool) -> list[Activations]:
        """One pass over some texts, of similar length at best; not from two threads at once, unless ``concurrent``.

        Raises:
            MemoryError: the batch is too large; half of it may fit.
        """
        ...

    def positions(
        self, batch: Sequence[Prepared], entries: Sequence[npt.NDArray[np.int64]]
    ) -> list[npt.NDArray[np.int64]] | None:
        """Which position of its text gives each of the entries its maximum, -1 for entries that are not active.

        ``None`` if the model doesn't take a maximum over positions.
        """
        ...
