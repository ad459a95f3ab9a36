"""Ctrl-C and SIGTERM during training: the run finishes its step and writes a checkpoint before it ends."""

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
    """Let the first Ctrl-C, or SIGTERM, end the step and write a checkpoint, and the second stop the trainer at once.

    SIGTERM is what schedulers and container engines send before they kill. In the last step, neither changes anything.
    With several processes, and outside the main thread, both always stop at once: processes can't agree on the step to
    stop after, and other threads receive no signals. A background process that ignores one continues to ignore it.

    Args:
        trainer: trains inside the block, and raises KeyboardInterrupt once the checkpoint is written.
    """
    alone = os.environ.get("WORLD_SIZE", "1") == "1" and threading.current_thread() is threading.main_thread()
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)} if alone else {}
    handlers = {each: before for each, before in handlers.items() if before not in {None, signal.SIG_IGN}}
    ending = _Ending()
    trainer.add_callback(ending)

    def restore() -> None:
        for each, before in handlers.items():
            signal.signal(each, before)

    def ask(*_: Any) -> None:
        restore()
        ending.asked = True
        log.warning("interrupted: writing a checkpoint after this step; a second signal, such as Ctrl-C, stops at once")

    for each in handlers:
        signal.signal(each, ask)
    try:
        yield
    finally:
        restore()
