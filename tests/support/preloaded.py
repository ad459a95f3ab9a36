"""Processes that have the training package imported when they start, which else takes each of them ten seconds."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

_FORKSERVER = multiprocessing.get_context("forkserver")
# Imported once, by a process that does nothing but fork the others.
_FORKSERVER.set_forkserver_preload(["postings_training.runs.run"])

START_METHOD = "forkserver"
"""For those who start processes on their own."""


def exit_code_of(work: Callable[..., None], *arguments: Any) -> int:
    """Call a module's function in a process of its own.

    Returns:
        Its exit status, or the signal that killed it as a negative number.
    """
    process = _FORKSERVER.Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode
