"""Loading what encodes each side of a model."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from postings.encoder.backends import Backend, Precision, choose
from postings.encoder.folder import ModelFolder, Task
from postings.encoder.onnx.facts import FORMAT, read_facts
from postings.encoder.onnx.refusals import note_refusal, read_refusal
from postings.encoder.route import Route
from postings.encoder.sources import cache_folder
from postings.errors import ConfigurationError, MissingExtra, ModelNotSupported

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

log = logging.getLogger(__name__)

_TASKS: tuple[Task, ...] = ("document", "query")


class Loader:
    """Makes the routes of a model, each when it is first used.

    Args:
        folder: the model.
        name: what the user called it.
        fingerprint: of the folder; graphs are taken for no other.
        device: as :meth:`Encoder.load` takes it.
        backend: likewise.
        precision: likewise.

    Raises:
        ConfigurationError: there is no such back end or precision, or they don't go together.
    """

    def __init__(
        self, folder: ModelFolder, name: str, fingerprint: str, device: str, backend: Backend, precision: Precision
    ) -> None:
        self._folder = folder
        self._name = name
        self._fingerprint = fingerprint
        self._device = device
        self._precision = precision
        self._model: SparseEncoder | None = None
        self._may_change = backend == "auto" and precision == "float32"
        at_hand = all(self._graphs(task) for task in _TASKS if folder.is_splade(task))
        self.backend = choose(backend, precision, device, folder, graphs=at_hand)
        if self.backend == "onnx" and self._may_change and not at_hand and (reason := self._refusal()):
            log.debug("encoding with PyTorch, as before: %s", reason)
            self.backend = "torch"

    @property
    def device(self) -> str:
        """Where it encodes; what was asked for, as long as nothing is loaded."""
        if self._model is not None:
            return str(self._model.device)
        return "cpu" if self.backend == "onnx" else self._device

    @property
    def precision(self) -> Precision:
        """As it was asked for."""
        return self._precision

    def route(self, task: Task) -> Route:
        """Load what encodes documents, or queries.

        Raises:
            ModelNotSupported: the model can't be loaded, or not on this back end.
            MissingExtra: PyTorch is needed and isn't installed.
        """
        modules = self._folder.modules(task)
        if static := [module.name for module in modules] == ["SparseStaticEmbedding"]:
            from postings.encoder.static import StaticRoute

            route = StaticRoute.load(modules[0].folder, modules[0].config(), self._folder.max_active_dims)
            if route is not None:
                return route
        if self.backend == "onnx" and not static:
            try:
                return self._graph_route(task)
            except (ConfigurationError, ModelNotSupported) as error:
                if not self._may_change:
                    raise
                log.warning("encoding with PyTorch: %s", error)
                self.backend = "torch"
        return self._torch_route(task)

    def export(self, task: Task, graphs: Path) -> None:
        """Write the graphs of a side to a folder.

        Raises:
            MissingExtra: PyTorch and onnx are needed for it.
            ModelNotSupported: the model can't be exported.
            ConfigurationError: the folder can't be written to.
        """
        try:
            from postings.encoder.onnx.export import export
        except ImportError as error:
            raise MissingExtra("torch", f"exporting the model {self._name!r} to ONNX") from error
        from postings.encoder.max_first import MaxFirst
        from postings.encoder.torch_model import load_model, route_of

        log.info("exporting %s to ONNX, which takes a while, but only this once", self._name)
        route = route_of(load_model(self._folder.path, "cpu", "float32", self._name), task)
        try:
            if not isinstance(route, MaxFirst):
                raise ModelNotSupported(
                    f"{self._name!r} can't run on ONNX: expected a masked-language model and max pooling, "
                    "and texts that are read as the tokenizer alone reads them"
                )
            route.max_active_dims = None  # pruned is what the graphs give
            export(route, self._folder.weights(task), self._fingerprint, graphs, self._precision)
        except ModelNotSupported as error:
            note_refusal(self.cached(task), self._precision, str(error))
            raise
        except OSError as error:
            raise ConfigurationError(f"the model's graphs can't be kept in {graphs}: {error}") from error

    def cached(self, task: Task) -> Path:
        """The folder in the cache for the graphs of a side."""
        side = self._folder.weights(task).relative_to(self._folder.path)
        return cache_folder() / "onnx" / f"{self._fingerprint}-{FORMAT}" / side

    def _graph_route(self, task: Task) -> Route:
        from postings.encoder.onnx.route import GraphRoute

        graphs = self._graphs(task)
        if graphs is None:
            graphs = self.cached(task)
            if reason := read_refusal(graphs, self._precision):
                raise ModelNotSupported(reason)
            self.export(task, graphs)
        facts = read_facts(graphs, self._precision) or {}
        return GraphRoute(self._folder.weights(task), graphs, facts, self._folder.max_active_dims, self._precision)

    def _graphs(self, task: Task) -> Path | None:
        """The graphs of a side, in the model's folder or in the cache."""
        for graphs in (self._folder.weights(task) / "onnx", self.cached(task)):
            facts = read_facts(graphs, self._precision)
            if facts is not None and facts.get("fingerprint") == self._fingerprint:
                return graphs
        return None

    def _refusal(self) -> str | None:
        """Why a side was found not to be exported."""
        sides = [task for task in _TASKS if self._folder.is_splade(task)]
        return next(filter(None, (read_refusal(self.cached(task), self._precision) for task in sides)), None)

    def _torch_route(self, task: Task) -> Route:
        from postings.encoder.torch_model import load_model, route_of

        if self._model is None:
            self._model = load_model(self._folder.path, self._device, self._precision, self._name)
        return route_of(self._model, task)
