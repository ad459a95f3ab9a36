"""Ctrl-C during training: the step is finished and a checkpoint written before the run ends."""

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
        # A run that is told to stop loads its best weights, and may delete the checkpoint that was just written.
        if self.asked and not control.should_training_stop:
            raise KeyboardInterrupt


@contextmanager
def saved_on_interrupt(trainer: Trainer) -> Iterator[None]:
    """At the first Ctrl-C the trainer ends its step and writes a checkpoint; at a second it stops where it is.

    A run whose last step it is ends as if nothing had been asked. Of several processes none can tell after which step
    the others will stop, so there each stops at once, as it does outside the main thread, where signals aren't heard.
    Who runs in the background with interrupts ignored goes on ignoring them.

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
        log.warning("interrupted: the run ends after this step, with a checkpoint; Ctrl-C again ends it at once")

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
