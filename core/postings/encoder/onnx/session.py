"""A graph, loaded with weights from memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from postings.errors import ModelNotSupported

_ERROR = 3


class Session:
    """An ONNX Runtime session on the processor.

    Threads: as many as ``OMP_NUM_THREADS`` says, or the processors that this process may use. They wait asleep:
    spinning slows down whatever shares the machine, and gains nothing here.

    Args:
        graph: the ONNX file, or its content.
        weights: by initializer.
    """

    def __init__(self, graph: Path | bytes, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        # The session reads them where they lie, so they live as long as it does.
        self._weights = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(w)) for w in weights.values()]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERROR
        # The arena keeps what the largest pass took, and a half more; without it, passes are as fast.
        options.enable_cpu_mem_arena = False
        options.intra_op_num_threads = _threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_external_initializers(list(weights), self._weights)
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises one class for each of its status codes, all of Exception
            raise ModelNotSupported(f"{graph!s:.200} can't be loaded: {error}") from error

    def run(self, **inputs: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run the graph; the outputs are in its order.

        Raises:
            MemoryError: a tensor could not be allocated.
            ModelNotSupported: the graph doesn't take these inputs.
        """
        try:
            outputs: list[npt.NDArray[Any]] = self._session.run(None, inputs)
        except Exception as error:
            if "allocate" in str(error) or "bad_alloc" in str(error):
                raise MemoryError(str(error)) from error
            raise ModelNotSupported(f"the model's graph can't be run: {error}") from error
        return outputs


def _threads() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
