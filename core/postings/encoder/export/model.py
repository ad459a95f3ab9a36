"""Exporting a model, or one side of it, to a folder of graphs."""

from __future__ import annotations

import logging
from pathlib import Path

from postings.encoder.export.failures import record_failure
from postings.encoder.model_files.fingerprint import fingerprint
from postings.encoder.model_files.location import BUNDLED, model_folder, model_name
from postings.encoder.model_files.modules import TASKS, ModelFolder, Task
from postings.encoder.routes.onnx.manifest import TRANSFORMERS, cached_graphs
from postings.encoding_options import Precision
from postings.errors import ConfigurationError, MissingExtra, ModelNotSupported

log = logging.getLogger(__name__)


def export_model(model: str | Path, precision: Precision = "float32") -> list[Path]:
    """Write the ONNX graphs of a SPLADE model into its folder, where :meth:`Encoder.load` finds them.

    The graphs of a bundled model go into the cache, because its folder belongs to the installed package. The graphs
    hold no weights; these are read from the folder's safetensors file. The model's fingerprint doesn't change.

    Args:
        model: as for :meth:`Encoder.load`.
        precision: ``float32`` or ``int8``; a folder may hold both.

    Returns:
        The folders written, one for each module that needs a graph.

    Raises:
        ModelNotSupported: no side of the model is SPLADE with max pooling, or its architecture can't be exported.
        MissingExtra: PyTorch and onnx aren't installed.
        ConfigurationError: the folder can't be written to, or there are no graphs of this precision.
    """
    if precision not in TRANSFORMERS:
        raise ConfigurationError(f"expected a precision of {' or '.join(TRANSFORMERS)}, got {precision!r}")
    name = model_name(model)
    path = model_folder(name)
    folder = ModelFolder.read(path)
    sides = {folder.weights(task) / "onnx": task for task in reversed(TASKS) if folder.is_splade(task)}
    if not sides:
        raise ModelNotSupported(
            f"{name!r} has nothing to export: expected a Transformer and a SpladePooling with max pooling"
        )
    identity = fingerprint(path)
    if path.is_relative_to(BUNDLED):
        sides = {cached_graphs(folder, identity, task): task for task in sides.values()}
    for graphs, task in sides.items():
        export_side(folder, task, graphs, name=name, fingerprint=identity, precision=precision)
    return list(sides)


def export_side(
    folder: ModelFolder, task: Task, graphs: Path, *, name: str, fingerprint: str, precision: Precision
) -> None:
    """Write the graphs that encode documents, or queries.

    Args:
        folder: the model.
        task: which side to export.
        graphs: the folder to write to.
        name: of the model, for messages.
        fingerprint: of the model.
        precision: ``float32`` or ``int8``.

    Raises:
        MissingExtra: PyTorch and onnx aren't installed.
        ModelNotSupported: the model can't be exported; the failure is recorded.
        ConfigurationError: the folder can't be written to.
    """
    try:
        from postings.encoder.export.graphs import write_graphs
    except ImportError as error:
        raise MissingExtra("torch", f"exporting the model {name!r} to ONNX") from error
    from postings.encoder.routes.torch_model import load_model, route_of
    from postings.encoder.routes.torch_splade import TorchSplade

    log.info("exporting %s to ONNX, once; this takes a while", name)
    route = route_of(load_model(folder.path, "cpu", "float32", name), task)
    try:
        if not isinstance(route, TorchSplade):
            raise ModelNotSupported(
                f"{name!r} can't run on ONNX: expected a masked-language model with max pooling, and a tokenizer that "
                "gives the same ids as sentence-transformers"
            )
        route.max_active_dims = None  # the route that runs the graphs prunes their results
        write_graphs(route, folder.weights(task), fingerprint, graphs, precision)
    except ModelNotSupported as error:
        record_failure(cached_graphs(folder, fingerprint, task), precision, str(error))
        raise
    except OSError as error:
        raise ConfigurationError(f"the model's graphs can't be written to {graphs}: {error}") from error
