"""PyTorch's ways to say that memory ran out, as ``MemoryError``."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_MESSAGES = (
    "can't allocate memory",  # PyTorch on a CPU
    "could not create a primitive",  # oneDNN
    "CUDA error: out of memory",  # the driver, which PyTorch's own allocator didn't ask
    "CUBLAS_STATUS_ALLOC_FAILED",  # the workspace of products
    "CUDNN_STATUS_ALLOC_FAILED",
    "MPS backend out of memory",
)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise ``MemoryError`` for PyTorch's errors, and give back what the failed call held.

    PyTorch has one class for a card's memory, and a bare RuntimeError for other memory. Its traceback keeps alive what
    the called functions had computed: so what is to be freed must be computed in a function that is called inside.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and not any(words in str(error) for words in _MESSAGES):
            raise
        traceback.clear_frames(error.__traceback__)
        torch.cuda.empty_cache()  # for other processes on the same card; nothing happens without one
        raise MemoryError(str(error)) from error
