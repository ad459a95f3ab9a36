"""Upload to the Hugging Face hub."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from postings.errors import ConfigurationError, first_line
from postings_training.leaks.provenance import RECORD
from postings_training.publishing.places import without_places


def push(folder: Path, name: str) -> str:
    """Upload a published folder to the hub, and return its address; its record goes without the paths of files.

    Raises:
        ConfigurationError: the hub refuses it or can't be reached; the folder isn't changed.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    public = without_places(json.loads((folder / RECORD).read_bytes()))
    try:
        address = str(api.create_repo(name, exist_ok=True))
        with TemporaryDirectory(prefix=f".{folder.name[:60]}.", dir=folder.parent) as copy:
            shutil.copytree(folder, copy, copy_function=os.link, dirs_exist_ok=True)
            (Path(copy) / RECORD).unlink()  # a link to the record that stays as it is
            (Path(copy) / RECORD).write_text(json.dumps(public, indent=2) + "\n", encoding="utf-8")
            api.upload_folder(repo_id=name, folder_path=copy, commit_message="A sparse encoder trained with Postings")
    except Exception as error:  # the client raises errors of its own, of httpx and of the OS
        raise ConfigurationError(
            f"the hub didn't accept {name} ({first_line(error)}); the model is in {folder}: hf upload {name} {folder} "
            f"uploads it, with the paths of your data in {RECORD}"
        ) from error
    return address
