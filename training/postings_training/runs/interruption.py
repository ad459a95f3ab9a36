"""Ctrl-C during training: the run finishes its step and writes a checkpoint before it ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import TrainerControl, TrainerState

log = logging.getLogger(__name__)


class _Ending(TrainerCallback):
    def __init__(self) -> None:
        self.asked = False

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.asked and not control.should_training_stop:
            control.should_save = True

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        # If the trainer were told to stop, it would load its best weights, and might delete this checkpoint.
        if self.asked and not control.should_training_stop:
            raise KeyboardInterrupt


@contextmanager
def saved_on_interrupt(trainer: Trainer) -> Iterator[None]:
    """Let the first Ctrl-C end the step and write a checkpoint, and the second stop the trainer at once.

    In the last step, Ctrl-C changes nothing. With several processes, and outside the main thread, Ctrl-C always stops
    at once: processes can't agree on the step to stop after, and other threads receive no signals. A background
    process that ignores interrupts continues to ignore them.

    Args:
        trainer: trains inside the block, and raises KeyboardInterrupt once the checkpoint is written.
    """
    before = signal.getsignal(signal.SIGINT)
    alone = os.environ.get("WORLD_SIZE", "1") == "1" and threading.current_thread() is threading.main_thread()
    if not alone or before in {None, signal.SIG_IGN}:
        yield
        return
    ending = _Ending()
    trainer.add_callback(ending)

    def ask(*_: Any) -> None:
        signal.signal(signal.SIGINT, before)
        ending.asked = True
        log.warning("interrupted: writing a checkpoint after this step; press Ctrl-C again to stop at once")

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
