"""Upload to the Hugging Face hub."""

from __future__ import annotations

import json
from pathlib import Path

from postings.errors import ConfigurationError, first_line
from postings_training.leaks.provenance import RECORD
from postings_training.publishing.places import without_places


def push(folder: Path, name: str) -> str:
    """Upload a published folder to the hub, and return its address; its record goes without the paths of files.

    Raises:
        ConfigurationError: the hub refuses it or can't be reached; the folder isn't changed.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    public = without_places(json.loads((folder / RECORD).read_bytes()))
    try:
        address = str(api.create_repo(name, exist_ok=True))
        files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
        content: dict[str, Path | bytes] = {**files, RECORD: f"{json.dumps(public, indent=2)}\n".encode()}
        api.create_commit(
            name,
            [CommitOperationAdd(path, data) for path, data in sorted(content.items())],
            commit_message="A sparse encoder trained with Postings",
        )
    except Exception as error:  # the client raises errors of its own, of httpx and of the OS
        raise ConfigurationError(
            f"the hub didn't accept {name} ({first_line(error)}); the model is in {folder}: hf upload {name} {folder} "
            f"uploads it, with the paths of your data in {RECORD}"
        ) from error
    return address
