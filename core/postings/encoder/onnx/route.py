"""SPLADE on ONNX Runtime, exact at the speed of eight bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from postings.encoder.activations import (
    Activations,
    Floats,
    Integers,
    activations,
    entries_of,
    require_finite,
    saturated,
)
from postings.encoder.onnx.facts import TRANSFORMERS
from postings.encoder.onnx.session import Session
from postings.encoder.onnx.weights import TILE, read_weights, rounded_decoder
from postings.encoder.screening import ScreenYield
from postings.encoder.tokenizer import Ids, Tokenizer, padded

_PASS = 1024
_GATHERED = 2**21  # numbers
_SCREENED = 32  # texts: the screen takes some vocabularies of memory for each


class GraphRoute:
    """One side of a SPLADE model.

    The head's product is first done in eight bits with a bound on the error (``heads.py``), which leaves one or two
    percent of the vocabulary; only their logits are computed, in float32, with the positions of their maximum. For a
    model that activates too much of its vocabulary the whole product is done in float32 at once.

    Args:
        folder: the folder of the model's transformer, with its weights and tokenizer.
        graphs: the folder of its graphs.
        facts: what :func:`~postings.encoder.onnx.facts.read_facts` gives of that folder.
        max_active_dims: keep only the highest weights of each text.
        precision: ``int8`` rounds the transformer's weights too, and changes results.
    """

    def __init__(
        self,
        folder: Path,
        graphs: Path,
        facts: dict[str, Any],
        max_active_dims: int | None,
        precision: str = "float32",
    ) -> None:
        self.pass_size = _PASS
        self.concurrent = False
        named = {tensor for tensor, _ in facts["weights"].values()} | {facts["decoder"], facts["bias"]}
        weights = read_weights(folder, named)
        self._decoder = weights[facts["decoder"]]
        self._bias = weights[facts["bias"]] if facts["bias"] else np.zeros(len(self._decoder), np.float32)
        self._logarithms: int = facts["logarithms"]
        self._padding: int = facts["padding"]
        self._max_active_dims = max_active_dims
        self._graphs = graphs
        self.tokenizer = Tokenizer.load(graphs if facts["amended"] else folder, facts["length"])
        supplied = {
            name: weights[tensor].T if transposed else weights[tensor]
            for name, (tensor, transposed) in facts["weights"].items()
        }
        self._transformer = Session(graphs / f"{TRANSFORMERS[precision]}.onnx", supplied)
        self._selected = Session(graphs / "selected.onnx", {"decoder": self._decoder})
        self._screen = self._screen_session()
        self._yield = ScreenYield()
        self._dense: Session | None = None

    def prepare(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids."""
        return self.tokenizer.ids(texts)

    def encode(self, batch: Sequence[Ids], *, positions: bool) -> list[Activations]:
        """One pass."""
        hidden = self._hidden(batch)
        # Of what isn't finite, the screen would leave nothing.
        require_finite(hidden)
        if not self._yield.pays:
            return self._encode_whole(hidden, batch, positions=positions)
        possible = self._possible(hidden, batch)
        if not self._yield.note(int(np.count_nonzero(possible)), possible.size):
            return self._encode_whole(hidden, batch, positions=positions)
        entries, real = entries_of(possible)
        logits, found = self._logits(hidden, entries, batch)
        logits[~real] = 0
        values = saturated(logits, self._logarithms)
        return activations(entries, values, found if positions else None, self._max_active_dims)

    def positions(self, batch: Sequence[Ids], entries: Sequence[Integers]) -> list[Integers]:
        """Which position gives each entry its maximum, -1 where it isn't active."""
        columns = np.zeros((len(batch), max(map(len, entries))), dtype=np.int64)
        for row, wanted in enumerate(entries):
            columns[row, : len(wanted)] = wanted
        known = columns < len(self._decoder)
        logits, found = self._logits(self._hidden(batch), np.where(known, columns, 0), batch)
        found[(logits <= 0) | ~known] = -1
        return [row[: len(wanted)] for row, wanted in zip(found, entries, strict=True)]

    def _encode_whole(self, hidden: Floats, batch: Sequence[Ids], *, positions: bool) -> list[Activations]:
        if self._dense is None:
            self._dense = self._dense_session()
        logits = self._dense.run(hidden=hidden, shrink=_large(batch))[0]
        logits += self._bias
        entries, real = entries_of(~(logits <= 0))
        active = np.where(real, np.take_along_axis(logits, entries, 1), 0)
        found = self._logits(hidden, entries, batch)[1] if positions else None
        return activations(entries, saturated(active, self._logarithms), found, self._max_active_dims)

    def _hidden(self, batch: Sequence[Ids]) -> Floats:
        ids, mask = padded(batch, self._padding)
        return self._transformer.run(input_ids=ids, attention_mask=mask, shrink=_large(batch))[0]

    def _possible(self, hidden: Floats, batch: Sequence[Ids]) -> npt.NDArray[np.bool_]:
        """Which entries each text may activate, shape ``(texts, vocabulary)``."""
        parts = [
            self._screen.run(hidden=hidden[start : start + _SCREENED], shrink=_large(batch))[0]
            for start in range(0, len(hidden), _SCREENED)
        ]
        return np.concatenate(parts)

    def _logits(self, hidden: Floats, entries: Integers, batch: Sequence[Ids]) -> tuple[Floats, Integers]:
        """The highest logit of some entries of each text, and its position, both as ``entries``."""
        # Each text has rows of the decoder copied for it: a few texts at a time, for a bounded copy.
        step = max(_GATHERED // max(entries.shape[1] * self._decoder.shape[1], 1), 1)
        parts = [
            self._selected.run(
                hidden=hidden[start : start + step], entries=entries[start : start + step], shrink=_large(batch)
            )
            for start in range(0, len(entries), step)
        ]
        highest, positions = (np.concatenate(part) for part in zip(*parts, strict=True))
        # Padding is a copy of the first position, and may tie with it.
        lengths = np.array([len(ids) for ids in batch])
        return highest + self._bias[entries], np.where(positions < lengths[:, None], positions, 0)

    def _screen_session(self) -> Session:
        integers, slack = rounded_decoder(self._decoder, self._bias)
        tiles = {f"decoder_{start}": tile for start, tile in _tiles(integers)}
        return Session(self._graphs / "screen.onnx", {"slack": slack, **tiles})

    def _dense_session(self) -> Session:
        tiles = {f"decoder_{start}": tile for start, tile in _tiles(self._decoder)}
        return Session(self._graphs / "dense.onnx", tiles)


def _large(batch: Sequence[Ids]) -> bool:
    """Whether a pass takes more memory than is worth keeping: a text by itself may be longer than a pass should be."""
    return len(batch) * max(map(len, batch)) > _PASS


def _tiles(decoder: npt.NDArray[Any]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    for start in range(0, len(decoder), TILE):
        yield start, decoder[start : start + TILE]
