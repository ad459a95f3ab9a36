"""The fingerprint of a model: equal for equal weights, tokenizer and encode settings, wherever the folder is."""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from postings.encoder.model_files.json_files import read_json

_HASHED = {".safetensors", ".json", ".txt", ".model", ".tiktoken", ".jinja"}
_LENGTH = 32

# What a training run leaves beside the weights, and weights that no encoder reads.
_RECORDS = {
    "training.json",
    "trainer_state.json",
    "train_results.json",
    "eval_results.json",
    "all_results.json",
}
_SKIPPED = (".*", "onnx", "checkpoint-*")

# Which library saved the folder doesn't change its vectors.
_SKIPPED_KEYS = {"__version__", "transformers_version", "_name_or_path"}


def fingerprint(folder: Path) -> str:
    """Hash everything that decides a model's vectors: 128 bits of SHA-256, in hexadecimal.

    All weights (safetensors), tokenizer files and configurations below ``folder`` count, with their relative paths.
    Files that no encoder reads don't: hidden files, notes (``*.md``), exported graphs, and what training leaves (its
    records and ``checkpoint-*``). A file of an unknown name counts: if one model is taken for two, the error shows; if
    two are taken for one, it doesn't. JSON is compared by content, without the versions of the libraries that wrote it.
    PyTorch isn't needed, so every client can tell a collection's model.

    Raises:
        ModelNotSupported: a JSON file is damaged.

    Example:
        >>> from postings.encoder.model_files.location import model_folder
        >>> len(fingerprint(model_folder("tiny")))
        32
    """
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in _HASHED and p.is_file()):
        relative = path.relative_to(folder)
        skipped = any(fnmatch(part, pattern) for part in relative.parts for pattern in _SKIPPED)
        if path.name in _RECORDS or skipped:
            continue
        total.update(relative.as_posix().encode() + b"\0")
        total.update(_digest(path))
    return total.hexdigest()[:_LENGTH]


def _digest(path: Path) -> bytes:
    if path.suffix == ".json" and path.name != "tokenizer.json":
        content = _relevant(read_json(path, object))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _relevant(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: value for key, value in content.items() if key not in _SKIPPED_KEYS}
    return content
