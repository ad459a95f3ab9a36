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
        if self.asked:
            control.should_save = control.should_training_stop = True


@contextmanager
def saved_on_interrupt(trainer: Trainer) -> Iterator[None]:
    """At the first Ctrl-C the trainer ends its step and writes a checkpoint; at a second it stops where it is.

    Of several processes none can tell after which step the others will stop, so there each stops at once, as it does
    outside the main thread, where signals aren't heard.

    Args:
        trainer: trains inside the block.

    Raises:
        KeyboardInterrupt: at the block's end, after an interrupt.
    """
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    if not alone or threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = _Ending()
    trainer.add_callback(ending)

    def ask(*_: Any) -> None:
        signal.signal(signal.SIGINT, before)
        ending.asked = True
        log.warning("interrupted: the run ends after this step, with a checkpoint; Ctrl-C again ends it at once")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if ending.asked:
        raise KeyboardInterrupt
