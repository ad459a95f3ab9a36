"""A model's graphs: where they are, and the manifest beside them, which says how to run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from postings.encoder.cache import cache_folder
from postings.encoder.model_files.modules import ModelFolder, Task

FORMAT = 2
"""Version of graphs and manifest; raise it when either changes."""

TRANSFORMERS = {"float32": "transformer", "int8": "transformer-int8"}
"""The name of the transformer's graph for each precision."""

TILE = 1024
"""Vocabulary entries that a graph multiplies at a time, so that their logits stay in the processor's cache."""


def manifest_file(graphs: Path, precision: str) -> Path:
    """The manifest of the graphs in a folder."""
    return graphs / f"{TRANSFORMERS[precision]}.json"


def read_manifest(graphs: Path, precision: str) -> dict[str, Any] | None:
    """Read the manifest of the graphs in a folder; ``None`` if it has no complete graphs of this precision."""
    if precision not in TRANSFORMERS:
        return None
    try:
        manifest: dict[str, Any] = json.loads(manifest_file(graphs, precision).read_bytes())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else None


def find_graphs(folder: ModelFolder, fingerprint: str, task: Task, precision: str) -> Path | None:
    """The graphs that encode documents, or queries: in the model's folder or in the cache; ``None`` without any."""
    for graphs in (folder.weights(task) / "onnx", cached_graphs(folder, fingerprint, task)):
        manifest = read_manifest(graphs, precision)
        if manifest is not None and manifest.get("fingerprint") == fingerprint:
            return graphs
    return None


def cached_graphs(folder: ModelFolder, fingerprint: str, task: Task) -> Path:
    """The folder in the cache for the graphs that encode documents, or queries."""
    side = folder.weights(task).relative_to(folder.path)
    return cache_folder() / "onnx" / f"{fingerprint}-{FORMAT}" / side
