"""A base model, loaded without running code from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def load_base(cls: Any, folder: Path, device: str) -> Any:
    """Load a folder as ``cls``, a model class of sentence-transformers, in float32 and from safetensors only."""
    return cls(
        str(folder),
        device=device,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": torch.float32},
    )
