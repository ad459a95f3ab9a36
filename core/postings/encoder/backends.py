"""Which library encodes a model (the backend), and in which precision."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

from postings.encoder.model_files.modules import ModelFolder
from postings.encoding_options import Backend, Precision
from postings.errors import ConfigurationError

_PRECISIONS: dict[str, set[str]] = {"torch": {"float32", "bfloat16", "float16"}, "onnx": {"float32", "int8"}}


def choose(backend: Backend, precision: Precision, device: str, folder: ModelFolder, *, exported: bool) -> str:
    """Resolve ``auto``: ONNX Runtime for SPLADE models if there is no GPU, PyTorch otherwise.

    Args:
        backend: the one asked for.
        precision: likewise.
        device: likewise.
        folder: the model.
        exported: whether the model has been exported to ONNX graphs.

    Raises:
        ConfigurationError: the backend or the precision doesn't exist, or they can't be combined.
    """
    known = sorted(set.union(*_PRECISIONS.values()))
    if backend not in ["auto", *_PRECISIONS] or precision not in known:
        raise ConfigurationError(
            f"expected one of the backends auto, {', '.join(_PRECISIONS)}, and one of the precisions "
            f"{', '.join(known)}; "
            f"got {backend!r} and {precision!r}"
        )
    onnx_possible = precision in _PRECISIONS["onnx"] and device in {"auto", "cpu"}
    if backend == "auto":
        only_onnx = precision not in _PRECISIONS["torch"]
        onnx_chosen = onnx_possible and (only_onnx or _onnx_is_faster(device, folder, exported=exported))
        backend = "onnx" if onnx_chosen else "torch"
    if precision not in _PRECISIONS[backend]:
        raise ConfigurationError(f"{backend} encodes in {' or '.join(sorted(_PRECISIONS[backend]))}, got {precision!r}")
    if backend == "onnx" and not onnx_possible:
        raise ConfigurationError(f"onnx encodes on the device cpu, got {device!r}")
    return backend


def _installed(*modules: str) -> bool:
    """Whether modules are installed; doesn't import them."""
    return all(importlib.util.find_spec(module) for module in modules)


def _onnx_is_faster(device: str, folder: ModelFolder, *, exported: bool) -> bool:
    if device == "auto" and _installed("torch") and _may_have_accelerator():
        return False
    if not (folder.is_splade("document") or folder.is_splade("query")):
        return False
    return exported or _installed("torch", "onnx", "onnxscript")


def _may_have_accelerator() -> bool:
    """Whether there may be a GPU. Only PyTorch knows for sure, but importing it takes seconds."""
    signs = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    return any(Path(sign).exists() for sign in signs) or (platform.system(), platform.machine()) == ("Darwin", "arm64")
