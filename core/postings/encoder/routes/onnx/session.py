"""Running a graph in ONNX Runtime."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from postings.errors import ModelNotSupported
from postings.process import never_free_in_a_fork

_LOG_ERRORS = 3


class Session:
    """A graph with its weights, on the CPU.

    All sessions of a process share one memory arena. Passes reuse its memory, so they don't fragment the C heap, where
    the vectors that are kept would lie between what they free.

    A session has ``OMP_NUM_THREADS`` threads, by default one for each CPU that this process may use. They wait asleep:
    spinning gains nothing here and slows down other processes.

    Args:
        graph: the ONNX file, or its content.
        weights: by the name of the initializer.
    """

    def __init__(self, graph: Path | bytes, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        # The session doesn't copy the weights, so they must live as long as the session.
        self._weights = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(w)) for w in weights.values()]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _LOG_ERRORS
        _share_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.intra_op_num_threads = _threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_external_initializers(list(weights), self._weights)
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # each status code has a class, with no base but Exception
            raise ModelNotSupported(f"{graph!s:.200} can't be loaded: {error}") from error
        never_free_in_a_fork(self)

    def run(self, *, shrink: bool = False, **inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run the graph, and return its outputs in order.

        Args:
            shrink: return unused memory of the arena to the system afterwards. Otherwise, the arena keeps the memory of
                the largest pass forever.
            inputs: of the graph, by name.

        Raises:
            MemoryError: a tensor couldn't be allocated.
            ModelNotSupported: the graph can't be run on these inputs.
        """
        try:
            outputs: list[npt.NDArray[Any]] = self._session.run(None, inputs, _shrinking() if shrink else None)
        except Exception as error:
            if "allocate" in str(error) or "bad_alloc" in str(error):
                raise MemoryError(str(error)) from error
            raise ModelNotSupported(f"the model's graph can't be run: {error}") from error
        return outputs


@functools.cache
def _share_arena() -> None:
    arena = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(arena, None)


@functools.cache
def _shrinking() -> onnxruntime.RunOptions:
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _threads() -> int:
    configured = os.environ.get("OMP_NUM_THREADS", "")
    if configured.isdecimal() and int(configured) > 0:
        return int(configured)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
