"""A graph, loaded with weights from memory."""

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

_ERROR = 3


class Session:
    """An ONNX Runtime session on the processor.

    All sessions of a process take their memory from one arena: passes use it again and again, and leave the C heap
    alone, where what they free would be around the vectors that stay.

    Threads: as many as ``OMP_NUM_THREADS`` says, or the processors that this process may use. They wait asleep:
    spinning slows down whatever shares the machine, and gains nothing here.

    Args:
        graph: the ONNX file, or its content.
        weights: by initializer.
    """

    def __init__(self, graph: Path | bytes, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        # The session reads them where they are, so they live as long as it does.
        self._weights = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(w)) for w in weights.values()]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERROR
        _share_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.intra_op_num_threads = _threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_external_initializers(list(weights), self._weights)
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises one class for each of its status codes, all of Exception
            raise ModelNotSupported(f"{graph!s:.200} can't be loaded: {error}") from error
        never_free_in_a_fork(self)

    def run(self, *, shrink: bool = False, **inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run the graph; the outputs are in its order.

        Args:
            shrink: give what the arena doesn't need any more back to the system. After a pass that is larger than
                others are, it would be kept forever.
            inputs: of the graph.

        Raises:
            MemoryError: a tensor could not be allocated.
            ModelNotSupported: the graph doesn't take these inputs.
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
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(place, None)


@functools.cache
def _shrinking() -> onnxruntime.RunOptions:
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _threads() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
