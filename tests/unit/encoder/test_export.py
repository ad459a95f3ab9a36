"""An export changes nothing outside of the folder that it writes to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.models import copy_of_tiny

EXPORT = """
import logging, sys

class WatchedRoot(logging.RootLogger):
    def __setattr__(self, name, value):
        print("set", name, value)
        super().__setattr__(name, value)

    def addHandler(self, handler):
        print("handler", handler)
        super().addHandler(handler)

    def addFilter(self, filter):
        print("filter", filter)
        super().addFilter(filter)

root = logging.getLogger()
root.__class__ = WatchedRoot

from postings.encoder.toolkit import export_model

for precision in ("float32", "int8"):
    export_model(sys.argv[1], precision)
print(root.level, root.handlers, root.filters)
"""


def test_an_export_never_touches_the_root_logger(tmp_path: Path) -> None:
    model = copy_of_tiny(tmp_path)
    for graph in (model / "onnx").iterdir():
        graph.unlink()
    command = [sys.executable, "-c", EXPORT, str(model)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "30 [] []\n"
    assert ran.stderr == ""
    assert {graph.name for graph in (model / "onnx").iterdir()} >= {"transformer.onnx", "transformer-int8.onnx"}
