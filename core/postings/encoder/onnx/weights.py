"""A model's weights as numpy arrays, and the eight-bit decoder of the screen."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors

from postings.errors import ModelNotSupported

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]

_LEVELS = 63
MIDDLE = 64
"""The byte that stands for zero in the rounded decoder."""
TILE = 1024
"""Entries of the vocabulary that a graph multiplies at a time, so that their logits stay in the cache."""


def read_weights(folder: Path, names: Collection[str] | None = None) -> Weights:
    """Read tensors of a folder's safetensors files, whatever their precision, to float32.

    Args:
        folder: where ``*.safetensors`` are.
        names: which tensors; by default all that hold floats.

    Raises:
        ModelNotSupported: a file is damaged, or there is none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelNotSupported(f"{folder} has no *.safetensors weights: Postings loads no other format")
    found: Weights = {}
    for file in files:
        try:
            with safetensors.safe_open(file, framework="np") as tensors:
                wanted = [name for name in tensors.keys() if names is None or name in names]  # noqa: SIM118
                types = {name: tensors.get_slice(name).get_dtype() for name in wanted}
                found |= {
                    name: tensors.get_tensor(name).astype(np.float32, copy=False)
                    for name in wanted
                    if types[name] in {"F64", "F32", "F16"}
                }
            if halves := {name for name in wanted if types[name] == "BF16"}:
                found |= _bfloat16(file, halves)
        except Exception as error:  # safetensors raises its own SafetensorError, and others
            raise ModelNotSupported(f"{file} can't be loaded: {error}") from error
    return found


def _bfloat16(file: Path, names: Collection[str]) -> Weights:
    """Numpy has no bfloat16: it is the upper half of a float32."""
    return {
        name: (np.frombuffer(tensor["data"], np.uint16).astype(np.uint32) << 16)
        .view(np.float32)
        .reshape(tensor["shape"])
        for name, tensor in safetensors.deserialize(file.read_bytes())  # type: ignore[no-untyped-call]
        if name in names
    }


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
