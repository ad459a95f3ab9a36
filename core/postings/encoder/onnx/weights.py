"""A model's weights as numpy arrays, and the eight-bit decoder of the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors

from postings.errors import ModelNotSupported

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]

_TYPES: dict[str, Any] = {"F64": np.float64, "F32": np.float32, "F16": np.float16}
_LEVELS = 63
MIDDLE = 64
"""The byte that stands for zero in the rounded decoder."""
TILE = 1024
"""Entries of the vocabulary that a graph multiplies at a time, so that their logits stay in the cache."""


def read_weights(folder: Path) -> Weights:
    """Read the safetensors files of a folder, whatever their precision, to float32.

    Raises:
        ModelNotSupported: a file is damaged, or there is none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelNotSupported(f"{folder} has no *.safetensors weights: Postings loads no other format")
    found: Weights = {}
    for file in files:
        try:
            tensors = safetensors.deserialize(file.read_bytes())  # type: ignore[no-untyped-call]
        except Exception as error:  # safetensors raises its own SafetensorError, and others
            raise ModelNotSupported(f"{file} can't be loaded: {error}") from error
        found |= {name: _floats(tensor) for name, tensor in tensors if tensor["dtype"] in {*_TYPES, "BF16"}}
    return found


def _floats(tensor: Any) -> Floats:
    if tensor["dtype"] == "BF16":  # the upper half of a float32
        values = (np.frombuffer(tensor["data"], np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(tensor["data"], _TYPES[tensor["dtype"]]).astype(np.float32, copy=False)
    return values.reshape(tensor["shape"])


def rounded_decoder(decoder: Floats, bias: Floats | None) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Round the decoder for the screen: its integers, and what the rounding may hide.

    Args:
        decoder: shape ``(vocabulary, width)``.
        bias: shape ``(vocabulary,)``.

    Returns:
        Bytes in 1..127 around 64, shape ``(vocabulary, width)``, and shape ``(3, vocabulary)``, in units of an entry's
        scale: the bias, the norm of its row, and the norm of what its row lost.
    """
    scale = np.maximum(np.maximum(decoder.max(1), -decoder.min(1)), np.float32(1e-30)) / _LEVELS
    scaled = decoder / scale[:, None]
    integers = np.rint(scaled)
    lost = np.linalg.norm(scaled - integers, axis=1)
    norms = np.linalg.norm(scaled, axis=1)
    offsets = np.zeros_like(scale) if bias is None else bias / scale
    return (integers + MIDDLE).astype(np.uint8), np.stack([offsets, norms, lost])
