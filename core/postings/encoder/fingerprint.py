"""A model's fingerprint: equal for equal weights, tokenizer and encode settings, wherever the folder is."""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

_HASHED = {".safetensors", ".json", ".txt", ".model", ".tiktoken", ".jinja"}
_LENGTH = 32

# What a training run leaves beside the weights, and other weights than those that are read.
_RECORDS = {"training.json", "trainer_state.json", "train_results.json", "eval_results.json", "all_results.json"}
_ASIDE = (".*", "onnx", "checkpoint-*")

# Which library saved the folder doesn't change its vectors.
_IRRELEVANT = {"__version__", "transformers_version", "_name_or_path"}


def fingerprint(folder: Path) -> str:
    """Hash what decides a model's vectors: 128 bits of SHA-256, in hexadecimal.

    All weights (safetensors), tokenizer files and configurations below ``folder`` count, by relative path. What no
    encoder reads doesn't: hidden files, notes (``*.md``), exported graphs, and what training leaves (its records and
    ``checkpoint-*``). A file of an unknown name counts: one model too many is an error that is seen, one too few
    isn't. JSON is compared by content, without the versions of the libraries that wrote it. It needs no torch, so that
    every client can tell a collection's model.

    Example:
        >>> from postings.encoder.sources import model_folder
        >>> len(fingerprint(model_folder("tiny")))
        32
    """
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in _HASHED and p.is_file()):
        relative = path.relative_to(folder)
        if path.name in _RECORDS or any(fnmatch(part, aside) for part in relative.parts for aside in _ASIDE):
            continue
        total.update(relative.as_posix().encode() + b"\0")
        total.update(_digest(path))
    return total.hexdigest()[:_LENGTH]


def _digest(path: Path) -> bytes:
    if path.suffix == ".json" and path.name != "tokenizer.json":
        content = _relevant(json.loads(path.read_bytes()))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _relevant(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: value for key, value in content.items() if key not in _IRRELEVANT}
    return content
