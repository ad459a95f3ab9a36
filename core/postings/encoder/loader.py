"""Choosing and loading the route that encodes each side of a model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from postings.encoder.backends import choose
from postings.encoder.export.failures import read_failure
from postings.encoder.export.model import export_side
from postings.encoder.model_files.modules import TASKS, ModelFolder, Task
from postings.encoder.routes.onnx.manifest import cached_graphs, find_graphs, read_manifest
from postings.encoder.routes.protocol import Route
from postings.encoding_options import Backend, Precision
from postings.errors import ConfigurationError, ModelNotSupported

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

log = logging.getLogger(__name__)


class Loader:
    """Loads the routes of a model, each when it is first used.

    Args:
        folder: the model.
        name: of the model, for messages.
        fingerprint: of the model; graphs with another fingerprint aren't used.
        device: as for :meth:`Encoder.load`.
        backend: likewise.
        precision: likewise.

    Raises:
        ConfigurationError: the backend or the precision doesn't exist, or they can't be combined.
    """

    def __init__(
        self, folder: ModelFolder, name: str, fingerprint: str, device: str, backend: Backend, precision: Precision
    ) -> None:
        self.precision: Precision = precision
        self._folder = folder
        self._name = name
        self._fingerprint = fingerprint
        self._device = device
        self._model: SparseEncoder | None = None
        self._may_fall_back = backend == "auto" and precision == "float32"
        splade_sides = [task for task in TASKS if folder.is_splade(task)]
        exported = all(find_graphs(folder, fingerprint, task, precision) for task in splade_sides)
        self.backend = choose(backend, precision, device, folder, exported=exported)
        if self.backend == "onnx" and self._may_fall_back and not exported:
            failures = (read_failure(cached_graphs(folder, fingerprint, task), precision) for task in splade_sides)
            if reason := next(filter(None, failures), None):
                log.debug("encoding with PyTorch, because an earlier export failed: %s", reason)
                self.backend = "torch"

    @property
    def device(self) -> str:
        """The device that encodes; before anything is loaded, the one asked for."""
        if self._model is not None:
            return str(self._model.device)
        return "cpu" if self.backend == "onnx" else self._device

    def route(self, task: Task) -> Route:
        """Load what encodes documents, or queries.

        Raises:
            ModelNotSupported: the model can't be loaded, or not on this backend.
            MissingExtra: PyTorch is needed and isn't installed.
            ConfigurationError: PyTorch is needed, and finds no such device.
        """
        modules = self._folder.modules(task)
        if static := [module.name for module in modules] == ["SparseStaticEmbedding"]:
            from postings.encoder.routes.lookup import Lookup

            route = Lookup.load(modules[0].folder, modules[0].config(), self._folder.max_active_dims)
            if route is not None:
                return route
        if self.backend == "onnx" and not static:
            try:
                return self._onnx_route(task)
            except (ConfigurationError, ModelNotSupported) as error:
                if not self._may_fall_back:
                    raise
                log.warning("encoding with PyTorch: %s", error)
                self.backend = "torch"
        return self._torch_route(task)

    def _onnx_route(self, task: Task) -> Route:
        from postings.encoder.routes.onnx_splade import OnnxSplade

        graphs = find_graphs(self._folder, self._fingerprint, task, self.precision)
        if graphs is None:
            graphs = cached_graphs(self._folder, self._fingerprint, task)
            if reason := read_failure(graphs, self.precision):
                raise ModelNotSupported(reason)
            export_side(
                self._folder,
                task,
                graphs,
                name=self._name,
                fingerprint=self._fingerprint,
                precision=self.precision,
            )
        manifest = read_manifest(graphs, self.precision) or {}
        return OnnxSplade(self._folder.weights(task), graphs, manifest, self._folder.max_active_dims, self.precision)

    def _torch_route(self, task: Task) -> Route:
        from postings.encoder.routes.torch_model import load_model, route_of

        if self._model is None:
            self._model = load_model(self._folder.path, self._device, self.precision, self._name)
        return route_of(self._model, task)
