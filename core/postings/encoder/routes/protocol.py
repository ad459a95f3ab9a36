"""The protocol of routes: a route encodes one side of a model, documents or queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from postings.encoder.model_files.tokenizer import Offsets, Tokenizer
from postings.encoder.routes.activations import Activations

Prepared = Any
"""A text as a route encodes it: token ids, or the text itself. Its ``len`` counts toward ``pass_size``."""


class Route(Protocol):
    """Turns texts into activations; :mod:`postings.encoder.routes` lists the implementations."""

    tokenizer: Tokenizer
    dims: int
    """The size of the vocabulary, or the number of latents: all indices of vectors are below it."""

    pass_size: int
    """The most that one pass may hold, as texts x length of the longest."""

    concurrent: bool
    """Whether several threads may encode at once; otherwise they take turns and share passes."""

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Tokenize texts; several threads may call this at once."""
        ...

    def prepare_with_offsets(self, texts: Sequence[str]) -> tuple[list[Prepared], list[Offsets] | None]:
        """Tokenize texts, and keep the character offsets of each token; ``None`` if there are no positions."""
        ...

    def encode(self, batch: Sequence[Prepared], *, positions: bool) -> list[Activations]:
        """Encode some texts, best of similar length, in one pass; not from two threads at once unless ``concurrent``.

        Raises:
            MemoryError: the batch is too large; half of it may fit.
        """
        ...

    def positions(
        self, batch: Sequence[Prepared], entries: Sequence[npt.NDArray[np.int64]]
    ) -> list[npt.NDArray[np.int64]] | None:
        """The position in the text where each entry has its maximum, -1 for entries that aren't active.

        ``None`` if the model doesn't take a maximum over positions.
        """
        ...
