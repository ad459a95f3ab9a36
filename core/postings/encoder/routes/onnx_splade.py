"""SPLADE on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from postings.encoder.model_files.tokenizer import Ids, Offsets, Tokenizer, padded
from postings.encoder.model_files.weights import read_weights
from postings.encoder.routes.activations import (
    Activations,
    Floats,
    Integers,
    activations,
    entries_of,
    padded_entries,
    require_finite,
    saturated,
)
from postings.encoder.routes.onnx.manifest import TILE, TRANSFORMERS
from postings.encoder.routes.onnx.screening_decoder import quantized_decoder
from postings.encoder.routes.onnx.session import Session
from postings.encoder.routes.screening import ScreenYield

_PASS = 1024  # tokens
_GATHERED = 2**21  # numbers
_SCREENED = 32  # texts; for each, the screen needs memory for several numbers per vocabulary entry


class OnnxSplade:
    """Encodes documents, or queries, with a SPLADE model on the CPU.

    The head's product is first computed in eight bits, with a bound on the error. One or two percent of the vocabulary
    pass this screen; only their logits are computed in float32, with the positions of the maximum. If a model activates
    too much of its vocabulary, the whole product is computed in float32.

    Args:
        folder: with the weights and the tokenizer of the model's transformer.
        graphs: the folder of its graphs.
        manifest: see :func:`~postings.encoder.routes.onnx.manifest.read_manifest`.
        max_active_dims: keep only so many of the highest weights of each text.
        precision: ``int8`` rounds the transformer's weights too, which changes the results.
    """

    def __init__(
        self,
        folder: Path,
        graphs: Path,
        manifest: dict[str, Any],
        max_active_dims: int | None,
        precision: str = "float32",
    ) -> None:
        self.pass_size = _PASS
        self.concurrent = False
        named = {tensor for tensor, _ in manifest["weights"].values()} | {manifest["decoder"], manifest["bias"]}
        weights = read_weights(folder, named)
        self._decoder = weights[manifest["decoder"]]
        self.dims = len(self._decoder)
        self._bias = weights[manifest["bias"]] if manifest["bias"] else np.zeros(len(self._decoder), np.float32)
        self._logarithms: int = manifest["logarithms"]
        self._padding: int = manifest["padding"]
        self._max_active_dims = max_active_dims
        self._graphs = graphs
        self.tokenizer = Tokenizer.load(graphs if manifest["amended"] else folder, manifest["length"])
        supplied = {
            name: weights[tensor].T if transposed else weights[tensor]
            for name, (tensor, transposed) in manifest["weights"].items()
        }
        self._transformer = Session(graphs / f"{TRANSFORMERS[precision]}.onnx", supplied)
        self._selected = Session(graphs / "selected.onnx", {"decoder": self._decoder})
        self._screen = self._screen_session()
        self._yield = ScreenYield()
        self._dense: Session | None = None

    def prepare(self, texts: Sequence[str]) -> list[Ids]:
        """Tokenize."""
        return self.tokenizer.ids(texts)

    def prepare_with_offsets(self, texts: Sequence[str]) -> tuple[list[Ids], list[Offsets]]:
        """Tokenize, and keep the characters of each token."""
        return self.tokenizer.ids_and_offsets(texts)

    def encode(self, batch: Sequence[Ids], *, positions: bool) -> list[Activations]:
        """Encode in one pass."""
        hidden = self._hidden(batch)
        # The screen would drop numbers that aren't finite.
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
        """The position where each entry has its maximum, -1 for entries that aren't active."""
        columns, known = padded_entries(entries, len(self._decoder))
        logits, found = self._logits(self._hidden(batch), columns, batch)
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
        """Whether each text can activate each entry, shape ``(texts, vocabulary)``."""
        parts = [
            self._screen.run(hidden=hidden[start : start + _SCREENED], shrink=_large(batch))[0]
            for start in range(0, len(hidden), _SCREENED)
        ]
        return np.concatenate(parts)

    def _logits(self, hidden: Floats, entries: Integers, batch: Sequence[Ids]) -> tuple[Floats, Integers]:
        """The highest logit of some entries of each text and its position, both of the shape of ``entries``."""
        # Rows of the decoder are copied for each text: a few texts at a time bound the memory.
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
        integers, slack = quantized_decoder(self._decoder, self._bias)
        tiles = {f"decoder_{start}": tile for start, tile in _tiles(integers)}
        return Session(self._graphs / "screen.onnx", {"slack": slack, **tiles})

    def _dense_session(self) -> Session:
        tiles = {f"decoder_{start}": tile for start, tile in _tiles(self._decoder)}
        return Session(self._graphs / "dense.onnx", tiles)


def _large(batch: Sequence[Ids]) -> bool:
    """Whether to return a pass's memory afterwards: a single text may be longer than other passes."""
    return len(batch) * max(map(len, batch)) > _PASS


def _tiles(decoder: npt.NDArray[Any]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    for start in range(0, len(decoder), TILE):
        yield start, decoder[start : start + TILE]
