"""Where models come from: the bundle, a folder, or the Hugging Face hub."""

from __future__ import annotations

import os
from pathlib import Path

from postings.errors import MissingExtra, ModelNotFound, ModelNotSupported

BUNDLED = Path(__file__).parent.parent / "models"
"""Models that the package carries, a folder each."""

# Weights come as safetensors only: other formats can run code when they are read.
_PATTERNS = [
    "*.json",
    "*.safetensors",
    "*.txt",
    "*.model",
    "*.tiktoken",
    "*.jinja",
    "*onnx/transformer*.onnx",
    "*onnx/dense.onnx",
]
_PATTERNS += ["*onnx/screen.onnx", "*onnx/selected.onnx"]


def model_folder(model: str) -> Path:
    """Find a model's folder, downloading it where ``model`` is a hub id.

    Args:
        model: a bundled name (``tiny``), a folder that sentence-transformers saved, or a hub id ``owner/name``.

    Raises:
        ModelNotFound: there is no such model.
        ModelNotSupported: the folder holds no safetensors weights.
        MissingExtra: it is a hub id, and huggingface-hub isn't installed.

    Example:
        >>> model_folder("tiny").name
        'tiny'
    """
    folder = Path(model).expanduser()
    if (BUNDLED / model / "config.json").is_file():
        folder = BUNDLED / model
    elif not folder.is_dir():
        folder = _download(model)
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        raise ModelNotFound(f"{folder} isn't a model folder: it has neither modules.json nor config.json")
    if not any(folder.rglob("*.safetensors")):
        raise ModelNotSupported(f"{folder} has no *.safetensors weights: Postings loads no other format")
    return folder


def _download(model: str) -> Path:
    bundled = ", ".join(sorted(path.name for path in BUNDLED.iterdir() if path.is_dir()))
    expected = f"expected a bundled model ({bundled}), a folder, or a Hugging Face hub id (owner/name)"
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise ModelNotFound(f"there is no model {model!r}: {expected}")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtra("torch", f"downloading the model {model!r}") from error
    try:
        return Path(snapshot_download(model, allow_patterns=_PATTERNS))
    except Exception as error:  # the hub's client raises its own, httpx's and OS errors
        reason = str(error).strip().partition("\n")[0]
        raise ModelNotFound(
            f"there is no model {model!r} here, and the hub gave none ({reason}): {expected}"
        ) from error


def cache_folder() -> Path:
    """Where what takes long to make is kept: ``$XDG_CACHE_HOME/postings``, or ``~/.cache/postings``."""
    if kept := os.environ.get("XDG_CACHE_HOME"):
        return Path(kept) / "postings"
    try:
        return Path.home() / ".cache" / "postings"
    except RuntimeError:
        # A user without a home, as in some containers, keeps nothing: here nothing can be written.
        return Path(os.devnull) / "postings"
