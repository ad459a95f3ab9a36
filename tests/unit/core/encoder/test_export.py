"""An export changes nothing outside of the folder that it writes to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from postings.encoder.toolkit import export_model
from postings.encoding_options import Precision
from tests.support.models import save

PRECISIONS: tuple[Precision, ...] = ("float32", "int8")
changes: list[object] = []


class WatchedRoot(logging.RootLogger):
    """The root logger, which notes what is done to it."""

    def __setattr__(self, name: str, value: object) -> None:
        changes.append((name, value))
        super().__setattr__(name, value)

    def addHandler(self, handler: logging.Handler) -> None:  # noqa: N802 - logging's name
        changes.append(handler)
        super().addHandler(handler)

    def addFilter(self, filter: object) -> None:  # noqa: N802
        changes.append(filter)
        super().addFilter(filter)  # type: ignore[arg-type]


@contextmanager
def watched_root() -> Iterator[list[object]]:
    root = logging.getLogger()
    before = root.__class__
    changes.clear()
    root.__class__ = WatchedRoot
    try:
        yield changes
    finally:
        object.__setattr__(root, "__class__", before)  # past the watch


def test_an_export_never_touches_the_root_logger(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = save("distilbert", tmp_path)
    capfd.readouterr()
    with watched_root() as changed:
        for precision in PRECISIONS:
            export_model(str(model), precision)
    assert changed == []
    assert not any(capfd.readouterr())
    assert {graph.name for graph in (model / "onnx").iterdir()} >= {"transformer.onnx", "transformer-int8.onnx"}


def test_the_watch_sees_a_handler_and_a_level() -> None:
    root, handler = logging.getLogger(), logging.NullHandler()
    with watched_root() as changed:
        root.addHandler(handler)
        root.setLevel(root.level)
    root.removeHandler(handler)
    assert changed == [handler, ("level", root.level)]
