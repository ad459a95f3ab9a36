"""Processes forked from one that has imported PyTorch and the training package, which takes ten seconds."""

from __future__ import annotations

import functools
import importlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from tests.support.forkserver import process_context

Result = TypeVar("Result")

_IMPORTED = ("postings_cli.app", "postings_training.runs.run", "tests.support.models", "torch.distributed.launcher.api")


def result_of(work: Callable[..., Result], *arguments: Any) -> Result:
    """Call a module's function in a process of its own."""
    return _host().submit(_result, work, arguments).result()


def exit_code_of(work: Callable[..., None], *arguments: Any) -> int:
    """Call a module's function in a process of its own, which it may end.

    Returns:
        Its exit status, or the signal that killed it as a negative number.
    """
    return _host().submit(_exit_code, work, arguments).result()


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


@functools.cache
def _host() -> ProcessPoolExecutor:
    """A process that imports, computes nothing, and forks the others."""
    return ProcessPoolExecutor(1, process_context(), _import)


def _import() -> None:
    for module in _IMPORTED:
        importlib.import_module(module)


def _result(work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as process:
        return process.submit(work, *arguments).result()


def _exit_code(work: Callable[..., None], arguments: tuple[Any, ...]) -> int:
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode
