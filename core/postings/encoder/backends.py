"""Which back end encodes a model, and in which precision."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path
from typing import Literal

from postings.encoder.folder import ModelFolder
from postings.errors import ConfigurationError

Backend = Literal["auto", "torch", "onnx"]
Precision = Literal["float32", "bfloat16", "float16", "int8"]

_PRECISIONS: dict[str, set[str]] = {"torch": {"float32", "bfloat16", "float16"}, "onnx": {"float32", "int8"}}


def choose(backend: Backend, precision: Precision, device: str, folder: ModelFolder, *, graphs: bool) -> str:
    """Resolve ``auto``: ONNX Runtime for SPLADE without a GPU, PyTorch for all else.

    Args:
        backend: what was asked for.
        precision: likewise.
        device: likewise.
        folder: the model.
        graphs: whether it has its graphs.

    Raises:
        ConfigurationError: there is no such back end or precision, or they don't go together.
    """
    known = sorted(set.union(*_PRECISIONS.values()))
    if backend not in ["auto", *_PRECISIONS] or precision not in known:
        raise ConfigurationError(
            f"expected a backend of auto, {', '.join(_PRECISIONS)} and a precision of {', '.join(known)}; "
            f"got {backend!r} and {precision!r}"
        )
    fits = precision in _PRECISIONS["onnx"] and device in {"auto", "cpu"}
    if backend == "auto":
        forced = precision not in _PRECISIONS["torch"]
        backend = "onnx" if fits and (forced or _graphs_pay(device, folder, graphs=graphs)) else "torch"
    if precision not in _PRECISIONS[backend]:
        raise ConfigurationError(f"{backend} encodes in {' or '.join(sorted(_PRECISIONS[backend]))}, got {precision!r}")
    if backend == "onnx" and not fits:
        raise ConfigurationError(f"onnx encodes on the device cpu, got {device!r}")
    return backend


def importable(*modules: str) -> bool:
    """Whether modules are installed, without importing them."""
    return all(importlib.util.find_spec(module) for module in modules)


def _graphs_pay(device: str, folder: ModelFolder, *, graphs: bool) -> bool:
    if device == "auto" and importable("torch") and _may_have_accelerator():
        return False
    if not (folder.is_splade("document") or folder.is_splade("query")):
        return False
    return graphs or importable("torch", "onnx", "onnxscript")


def _may_have_accelerator() -> bool:
    """Whether to ask PyTorch for a GPU: importing it takes seconds, so not without a sign of one."""
    signs = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    return any(Path(sign).exists() for sign in signs) or (platform.system(), platform.machine()) == ("Darwin", "arm64")
