"""A model's weights as numpy arrays."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors

from postings.encoder.model_files.location import no_weights
from postings.errors import ModelNotSupported

Weights = dict[str, npt.NDArray[np.float32]]


def read_weights(folder: Path, names: Collection[str] | None = None) -> Weights:
    """Read tensors of a folder's safetensors files in float32, whatever precision they are stored in.

    Args:
        folder: where ``*.safetensors`` are.
        names: of the tensors to read; by default all tensors of floats.

    Raises:
        ModelNotSupported: there is no safetensors file, or one is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise no_weights(folder)
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
    """Read tensors of bfloat16, which numpy doesn't have: it is the upper half of a float32."""
    return {
        name: (np.frombuffer(tensor["data"], np.uint16).astype(np.uint32) << 16)
        .view(np.float32)
        .reshape(tensor["shape"])
        for name, tensor in safetensors.deserialize(file.read_bytes())  # type: ignore[no-untyped-call]
        if name in names
    }
