"""Inference-free encoding: each token has a fixed weight, which is looked up.

Geng et al. 2024, https://arxiv.org/abs/2411.04403
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from postings.encoder.model_files.tokenizer import UNLIMITED, Ids, Offsets, Tokenizer
from postings.encoder.model_files.transformers_tokenizer import as_transformers_loads
from postings.encoder.model_files.weights import read_weights
from postings.encoder.routes.activations import Activations, Floats, Integers
from postings.errors import ModelNotSupported
from postings.vectors import SparseVector

_PASS = 1_000_000


class Lookup:
    """Encodes with a ``SparseStaticEmbedding``: a vector has each token of the text, once, with its weight.

    Args:
        weights: of the vocabulary entries, shape ``(vocabulary,)``.
        tokenizer: without special tokens.
        max_active_dims: keep only so many of the highest weights of each text.
    """

    def __init__(self, weights: Floats, tokenizer: Tokenizer, max_active_dims: int | None) -> None:
        self.pass_size = _PASS
        self.dims = len(weights)
        self.concurrent = True
        self.tokenizer = tokenizer
        self._weights = weights
        self._max_active_dims = max_active_dims

    @classmethod
    def load(cls, folder: Path, config: dict[str, Any], max_active_dims: int | None) -> Lookup | None:
        """Read a saved ``SparseStaticEmbedding``; ``None`` if its tokenizer can only be loaded by transformers.

        Raises:
            ModelNotSupported: the weights or the tokenizer can't be read.
        """
        try:
            serialized = as_transformers_loads(folder)
            if serialized is None:
                return None
            settings = json.loads((folder / "tokenizer_config.json").read_bytes())
            length = min(int(settings.get("model_max_length") or UNLIMITED), UNLIMITED)
            tokenizer = Tokenizer(serialized, length, special_tokens=False)
            if path := config.get("path"):
                known = tokenizer.vocabulary()
                weights = np.zeros(len(known), np.float32)
                for token, weight in json.loads((folder / Path(path).name).read_bytes()).items():
                    weights[known[token]] = weight
            else:
                weights = read_weights(folder)["weight"]
        except ModelNotSupported:
            raise
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelNotSupported(f"{folder} isn't a SparseStaticEmbedding that can be read: {error!r}") from error
        if not np.isfinite(weights).all():
            raise ModelNotSupported(f"{folder} has weights that aren't finite")
        return cls(weights, tokenizer, max_active_dims)

    def prepare(self, texts: Sequence[str]) -> list[Ids]:
        """Tokenize."""
        return self.tokenizer.ids(texts)

    def prepare_with_offsets(self, texts: Sequence[str]) -> tuple[list[Ids], list[Offsets]]:
        """Tokenize, and keep the characters of each token."""
        return self.tokenizer.ids_and_offsets(texts)

    def encode(self, batch: Sequence[Ids], *, positions: bool) -> list[Activations]:
        """Look the weights up."""
        return [self._encode(ids, positions=positions) for ids in batch]

    def positions(self, batch: Sequence[Ids], entries: Sequence[Integers]) -> list[Integers]:
        """The position where each entry's token first occurs, -1 if it doesn't."""
        found = []
        for ids, wanted in zip(batch, entries, strict=True):
            equal = ids == wanted[:, None]
            found.append(np.where(equal.any(1), equal.argmax(1) if ids.size else -1, -1))
        return found

    def _encode(self, ids: Ids, *, positions: bool) -> Activations:
        entries, first = np.unique(ids, return_index=True) if positions else (_distinct(ids), None)
        values = self._weights[entries]
        if not values.all():
            active = values.nonzero()[0]
            entries, values, first = entries[active], values[active], None if first is None else first[active]
        if self._max_active_dims is not None and len(values) > self._max_active_dims:
            kept = np.sort(np.argsort(-values, kind="stable")[: self._max_active_dims])
            entries, values, first = entries[kept], values[kept], None if first is None else first[kept]
        return Activations(SparseVector.unchecked(entries.astype(np.int32), values), first)


def _distinct(ids: Ids) -> Ids:
    """The distinct ids in ascending order; ``np.unique`` would take longer than the rest of a query."""
    ordered = np.sort(ids)
    last = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=last[:-1])
    distinct: Ids = ordered[last]
    return distinct
