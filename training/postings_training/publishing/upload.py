"""Upload to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from postings.errors import ConfigurationError, first_line


def push(folder: Path, name: str) -> str:
    """Upload a published folder to the hub, and return its address.

    Raises:
        ConfigurationError: the hub refuses it or can't be reached; the folder isn't changed.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        address = str(api.create_repo(name, exist_ok=True))
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="A sparse encoder trained with Postings")
    except Exception as error:  # the client raises errors of its own, of httpx and of the OS
        raise ConfigurationError(
            f"the hub didn't accept {name} ({first_line(error)}); the model is in {folder}: hf upload {name} {folder}"
        ) from error
    return address
