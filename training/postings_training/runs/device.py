"""Where a run trains: the device, its precision, and whether this is the process that writes."""

from __future__ import annotations

import os

import torch

from postings.errors import ConfigurationError
from postings_training.recipes.sections import TrainingSettings


def device_of(settings: TrainingSettings) -> str:
    """The device to train on: ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ConfigurationError: a GPU is asked for, and there is none.
    """
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if settings.device == "auto":
        return next((device for device, there in found.items() if there), "cpu")
    if not found.get(settings.device, True):
        raise ConfigurationError(
            f"training.device is {settings.device!r}, but PyTorch {torch.__version__} finds no such GPU here: set "
            "training.device=cpu, or install a PyTorch that supports it"
        )
    return settings.device


def is_bfloat16(settings: TrainingSettings) -> bool:
    """Whether matrix products are computed in bfloat16."""
    if settings.precision != "auto":
        return settings.precision == "bfloat16"
    return device_of(settings) == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def is_first_process() -> bool:
    """Whether this process writes the folders; the others may run ahead of it, and not find a folder yet."""
    return os.environ.get("RANK", "0") == "0"
