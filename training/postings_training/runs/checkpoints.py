"""Checkpoints: which of them can be resumed from, and what to say when one can't be written."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

from postings.errors import TrainingFailure

_STATE = "trainer_state.json"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# torch's writer and safetensors' raise their own errors, which hold no number.
_FULL_WORDS = ("No space left", "File too large", "quota exceeded", "file write failed", "unexpected pos")
_COPIES = 3  # of the trained weights: themselves, and Adam's two moments


def run_folder(out: Path) -> Path:
    """Where the checkpoints of the run that writes ``out`` are."""
    named = out if out.name not in ("", "..") else out.resolve()  # "." has no name of its own
    return named.parent / f"{named.name}.run"


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is whole: its state is written last."""
    found = [path for path in folder.glob("checkpoint-*") if _state(path) is not None]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def what_is_kept(folder: Path, *, resumable: bool = True) -> str:
    """What to tell whoever's run ended before its time; one that would end there again isn't resumable."""
    checkpoint = last_checkpoint(folder)
    if checkpoint is None:
        return "no checkpoint was written yet"
    return f"{checkpoint} is kept, --resume goes on from it" if resumable else f"{checkpoint} is kept"


def checkpoint_state(checkpoint: Path) -> dict[str, Any]:
    """What the trainer and its callbacks noted in a whole checkpoint."""
    return _state(checkpoint) or {}


def drop_partial(folder: Path) -> None:
    """Delete what was being written when a run died."""
    for path in folder.glob("checkpoint-*"):
        if _state(path) is None:
            shutil.rmtree(path, ignore_errors=True)


def refuse_small_disk(folder: Path, weights: int, trained: int, keep: int) -> None:
    """Look whether the checkpoints that a run keeps will fit.

    Args:
        folder: where they are written.
        weights: of the model.
        trained: of them, those that the optimizer has moments of.
        keep: checkpoints kept; one more is there while it is written. Those of a run that is resumed are there already.

    Raises:
        TrainingFailure: they won't.
    """
    there = len([*folder.glob("checkpoint-*")])
    needed = 4 * (weights + (_COPIES - 1) * trained) * max(keep + 1 - there, 1) + 4 * weights
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise TrainingFailure(
            f"{folder} has {free / 2**30:.1f} GiB of room, and the run's checkpoints take {needed / 2**30:.1f} GiB: "
            "make room, or lower training.keep"
        )


def is_full(error: BaseException) -> bool:
    """Whether something couldn't be written for want of room."""
    return getattr(error, "errno", None) in _FULL or any(words in str(error) for words in _FULL_WORDS)


def _state(checkpoint: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((checkpoint / _STATE).read_bytes())
    except (OSError, ValueError):
        return None
    return state
