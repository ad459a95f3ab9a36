"""Processes that have the training package imported when they start, which else takes each of them ten seconds."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")

_FORKSERVER = multiprocessing.get_context("forkserver")
# Imported once, by a process that does nothing but fork the others.
_FORKSERVER.set_forkserver_preload(
    ["postings_cli.app", "postings_training.runs.run", "tests.support.models", "torch.distributed.launcher.api"]
)


def result_of(work: Callable[..., Result], *arguments: Any) -> Result:
    """Call a module's function in a process of its own."""
    with ProcessPoolExecutor(1, _FORKSERVER) as process:
        return process.submit(work, *arguments).result()


def exit_code_of(work: Callable[..., None], *arguments: Any) -> int:
    """Call a module's function in a process of its own, which it may end.

    Returns:
        Its exit status, or the signal that killed it as a negative number.
    """
    process = _FORKSERVER.Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def results_of_two(work: Callable[..., Result], *arguments: Any) -> list[Result]:
    """Call a module's function in two processes that ``torchrun``'s launcher starts; returns what each returns."""
    return result_of(_launched, work, *arguments)


def _launched(work: Callable[..., Result], *arguments: Any) -> list[Result]:
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=2,
        run_id="test",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="fork",  # of a process that has computed nothing yet
    )
    results = elastic_launch(config, work)(*arguments)
    return [results[rank] for rank in range(2)]
