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
    from huggingface_hub import HfApi

    api, message = HfApi(), "A sparse encoder trained with Postings"
    public = json.dumps(without_places(json.loads((folder / RECORD).read_bytes())), indent=2)
    try:
        address = str(api.create_repo(name, exist_ok=True))
        api.upload_folder(repo_id=name, folder_path=folder, commit_message=message, ignore_patterns=[RECORD])
        api.upload_file(
            path_or_fileobj=f"{public}\n".encode(), path_in_repo=RECORD, repo_id=name, commit_message=message
        )
    except Exception as error:  # the client raises errors of its own, of httpx and of the OS
        raise ConfigurationError(
            f"the hub didn't accept {name} ({first_line(error)}); the model is in {folder}: hf upload {name} {folder}"
        ) from error
    return address
