"""Data sets on the Hugging Face hub."""

from __future__ import annotations

from typing import Any

from postings.errors import MissingExtra, ReaderError, first_line
from postings.hub import is_hub_id


def load_hub(name: str, split: str) -> Any:
    """Load a split of a data set, from the local cache or from the hub.

    Raises:
        ReaderError: the name isn't a hub id, the hub can't be reached, or it has no such split.
        MissingExtra: datasets isn't installed.
    """
    if not is_hub_id(name):
        raise ReaderError(f"{name} doesn't exist: expected a JSONL file, a BEIR folder or a hub id (owner/name)")
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise MissingExtra("training", f"loading the data set {name}") from error
    try:
        return load_dataset(name, split=split)
    except Exception as error:  # the client raises errors of its own, of httpx and of the OS
        raise ReaderError(
            f"the data set {name} isn't cached, and the hub didn't provide it ({first_line(error)}): "
            "use local data with --data"
        ) from error
