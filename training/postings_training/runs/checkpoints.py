"""Checkpoints: which one to resume from, and whether there is space for more."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from postings.errors import TrainingFailure

_STATE = "trainer_state.json"
_NAME = re.compile(r"checkpoint-[0-9]{1,18}")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# The writers of torch and safetensors raise errors of their own, without an errno.
_FULL_WORDS = ("No space left", "File too large", "quota exceeded", "file write failed", "unexpected pos")
_COPIES = 3  # of the trained weights: the weights themselves, and Adam's two moments


def run_folder(out: Path) -> Path:
    """The folder for the checkpoints of the run that writes ``out``."""
    named = out if out.name not in ("", "..") else out.resolve()  # "." has no name of its own
    return named.parent / f"{named.name}.run"


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint: one with a state, which is written last."""
    found = [path for path in _checkpoints(folder) if _state(path) is not None]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def what_is_kept(folder: Path, *, resumable: bool = True) -> str:
    """Say which checkpoint an aborted run leaves; ``resumable`` is false if resuming would fail again."""
    checkpoint = last_checkpoint(folder)
    if checkpoint is None:
        return "no checkpoint was written yet"
    return f"{checkpoint} is kept; continue with --resume" if resumable else f"{checkpoint} is kept"


def checkpoint_state(checkpoint: Path) -> dict[str, Any]:
    """The state that the trainer and its callbacks stored in a complete checkpoint."""
    return _state(checkpoint) or {}


def drop_partial(folder: Path) -> None:
    """Delete incomplete checkpoints, which were being written when a run died."""
    for path in _checkpoints(folder):
        if _state(path) is None:
            shutil.rmtree(path, ignore_errors=True)


def refuse_small_disk(folder: Path, weights: int, trained: int, keep: int) -> None:
    """Check that the checkpoints which a run keeps will fit on the disk.

    Args:
        folder: where they are written.
        weights: number of the model's weights.
        trained: number of those that are trained, for which the optimizer has moments.
        keep: number of checkpoints kept. While one is written, there is one more; a resumed run has some already.

    Raises:
        TrainingFailure: they won't fit.
    """
    there = len([*_checkpoints(folder)])
    needed = 4 * (weights + (_COPIES - 1) * trained) * max(keep + 1 - there, 1) + 4 * weights
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise TrainingFailure(
            f"{folder} has {free / 2**30:.1f} GiB of free space, and the checkpoints of the run take "
            f"{needed / 2**30:.1f} GiB: free some space, or lower training.keep"
        )


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk is full."""
    return getattr(error, "errno", None) in _FULL or any(words in str(error) for words in _FULL_WORDS)


def _checkpoints(folder: Path) -> Iterator[Path]:
    # Whatever else is beside them, such as a copy of one or notes about it, is the user's.
    return (path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name))


def _state(checkpoint: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((checkpoint / _STATE).read_bytes())
    except (OSError, ValueError):
        return None
    return state
