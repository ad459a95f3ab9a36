"""Silence during an export: users can do nothing about what PyTorch's exporter logs, prints and warns of."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

_LOGGERS = {
    "torch": logging.CRITICAL,
    "torch.onnx": logging.ERROR,
    "onnxscript": logging.ERROR,
    "onnx_ir": logging.ERROR,
}


@contextmanager
def quiet() -> Iterator[None]:
    """Raise the levels of the exporter's loggers, hide its output and its warnings; the root logger isn't touched."""
    loggers = {logging.getLogger(name): level for name, level in _LOGGERS.items()}
    before = [logger.level for logger in loggers]
    for logger, level in loggers.items():
        logger.setLevel(level)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
