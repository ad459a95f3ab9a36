"""Optimizing a collection: what the engine rewrites, and when it is asked to.

The engine writes points to a segment that it can change: all of its index is in memory, and is made anew whenever the
folder is opened. :func:`optimize` moves the points of this segment to one whose index is a file, which opens at once
and takes memory only as a cache, and rewrites segments with many deleted points. A segment gets an index file at
64 MB of vectors, about 70,000 passages, and is then rewritten once with the next 64 MB: so that memory, disk space and
time of a step don't grow with the collection, and a search looks into few segments.

The engine blocks all threads of the process meanwhile, for 0.15 ms a passage or more. Therefore a process that writes
without searching optimizes as it goes, and one that searches when it closes the index. A process that is killed
meanwhile leaves the old segments, the new ones or both, of which the engine then drops what is there twice.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from postings.index.embedded.folder import CONFIG, FREE_TO_WRITE, disk_usage, replace_json

WHILE_SEARCHED = 10_000
"""The largest collections, in points, that are optimized while a process searches them."""

WITHOUT_INDEX_FILES = 100_000
"""The largest collections, in points, that are optimized if all of it is one segment forever, as in those that were
created before there were index files: :meth:`postings.EdgeIndex.optimize` gives them some."""

SETTINGS: dict[str, Any] = {"indexing_threshold": 64_000, "max_segment_size": 192_000, "default_segment_number": 2}
"""Of the engine: KB of vectors from which, and up to which, a segment gets an index file; and how many are few."""


def optimizer_settings() -> edge.EdgeOptimizersConfig:
    """How the engine optimizes a new collection."""
    return edge.EdgeOptimizersConfig(
        indexing_threshold=SETTINGS["indexing_threshold"],
        max_segment_size=SETTINGS["max_segment_size"],
        default_segment_number=SETTINGS["default_segment_number"],
    )


def optimize(folder: Path, shard: edge.EdgeShard, up_to: float) -> None:
    """Let the engine do what is due in a collection of up to so many points, if the disk has space for a copy."""
    # The engine leaves what a killed process had begun.
    for unfinished in (folder / "shard" / "temp_segments").glob("*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    given = _config(folder).get("optimizers", {})
    if given.get("indexing_threshold") != SETTINGS["indexing_threshold"]:
        # Other programs may have chosen other settings: their collections stay as they are.
        up_to = min(up_to, WITHOUT_INDEX_FILES) if given.get("indexing_threshold") == 0 else -1
    if shard.info().points_count <= up_to and shutil.disk_usage(folder).free >= disk_usage(folder) + FREE_TO_WRITE:
        shard.optimize()


def give_index_files(folder: Path) -> bool:
    """Set how the engine optimizes an existing collection, from when it is next opened; whether this is a change.

    The caller has the collection open, so that no other process changes its settings.
    """
    if not (config := _config(folder)):
        return False
    before = json.dumps(config)
    config["optimizers"] |= SETTINGS
    for vector in config["sparse_vectors"].values():
        if not vector.get("memory"):
            vector["memory"] = "cold" if vector.pop("on_disk", False) else "cached"
    if json.dumps(config) == before:
        return False
    replace_json(folder / "shard" / CONFIG, config)
    return True


def _config(folder: Path) -> dict[str, Any]:
    """The engine's settings of a collection; none if another version of the engine keeps them elsewhere."""
    try:
        config: dict[str, Any] = json.loads((folder / "shard" / CONFIG).read_bytes())
        return config if {"optimizers", "sparse_vectors"} <= config.keys() else {}
    except (OSError, ValueError, AttributeError):
        return {}
