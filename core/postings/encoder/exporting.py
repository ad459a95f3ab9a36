"""Graphs beside a model, for those who encode without PyTorch."""

from __future__ import annotations

from pathlib import Path

from postings.encoder.backends import Precision
from postings.encoder.fingerprint import fingerprint
from postings.encoder.folder import ModelFolder, Task
from postings.encoder.loading import Loader
from postings.encoder.sources import BUNDLED, model_folder
from postings.errors import ModelNotSupported


def export_model(model: str | Path, precision: Precision = "float32") -> list[Path]:
    """Write the ONNX graphs of a SPLADE model into its folder, where :meth:`Encoder.load` finds them.

    Those of a model that comes with Postings go into the cache: its folder belongs to the installed package. The graphs
    hold no weights: they take them from the folder's safetensors. The model's fingerprint stays the same.

    Args:
        model: as :meth:`Encoder.load` takes it.
        precision: ``float32`` or ``int8``; a folder may hold both.

    Returns:
        The folders written, one for each module that needs a graph.

    Raises:
        ModelNotSupported: no side of the model is SPLADE with max pooling, or its architecture can't be exported.
        MissingExtra: PyTorch and onnx aren't installed.
        ConfigurationError: the folder can't be written to, or there are no graphs of this precision.
    """
    path = model_folder(str(model))
    folder = ModelFolder.read(path)
    tasks: tuple[Task, ...] = ("query", "document")
    sides = {folder.weights(task) / "onnx": task for task in tasks if folder.is_splade(task)}
    if not sides:
        raise ModelNotSupported(
            f"{str(model)!r} has nothing to export: expected a Transformer and a SpladePooling with max pooling"
        )
    loader = Loader(folder, str(model), fingerprint(path), "cpu", "onnx", precision)
    if path.is_relative_to(BUNDLED):
        sides = {loader.cached(task): task for task in sides.values()}
    for graphs, task in sides.items():
        loader.export(task, graphs)
    return list(sides)
