"""Which back end encodes each side of a model, and loading it."""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from postings.encoder.folder import ModelFolder, Module, Task
from postings.encoder.onnx.facts import read_facts
from postings.encoder.route import Route
from postings.encoder.sources import cache_folder
from postings.errors import ConfigurationError, MissingExtra, ModelNotSupported

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

log = logging.getLogger(__name__)

Backend = Literal["auto", "torch", "onnx"]
Precision = Literal["float32", "bfloat16", "float16", "int8"]

_PRECISIONS: dict[str, set[str]] = {"torch": {"float32", "bfloat16", "float16"}, "onnx": {"float32", "int8"}}
_SPLADE = (["Transformer", "SpladePooling"], ["MLMTransformer", "SpladePooling"])
_FORMAT = 1  # of the graphs in the cache: raise it when they change


class Loader:
    """Makes the routes of a model, each when it is first used.

    Args:
        folder: the model.
        name: what the user called it.
        fingerprint: of the folder; the cache's key.
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
        self.backend = self._chosen(backend)

    def route(self, task: Task) -> Route:
        """Load what encodes documents, or queries.

        Raises:
            ModelNotSupported: the model can't be loaded, or not on this back end.
            MissingExtra: PyTorch is needed and isn't installed.
        """
        modules = self._folder.modules(task)
        if [module.name for module in modules] == ["SparseStaticEmbedding"]:
            return self._static(modules[0])
        return self._graph_route(task) if self.backend == "onnx" else self._torch_route(task)

    def _chosen(self, backend: Backend) -> Literal["torch", "onnx"]:
        known = {precision for precisions in _PRECISIONS.values() for precision in precisions}
        if backend not in {"auto", *_PRECISIONS} or self._precision not in known:
            raise ConfigurationError(
                f"expected a backend of auto, {', '.join(_PRECISIONS)} and a precision of "
                f"{', '.join(sorted(known))}; got {backend!r} and {self._precision!r}"
            )
        if backend == "auto":
            backend = "onnx" if self._graphs_pay() else "torch"
        if self._precision not in _PRECISIONS[backend]:
            raise ConfigurationError(
                f"{backend} encodes in {' or '.join(sorted(_PRECISIONS[backend]))}, got {self._precision!r}"
            )
        if backend == "onnx" and self._device not in {"auto", "cpu"}:
            raise ConfigurationError(f"onnx encodes on the device cpu, got {self._device!r}")
        return backend

    def _graphs_pay(self) -> bool:
        if self._precision not in _PRECISIONS["onnx"] or self._device not in {"auto", "cpu"}:
            return False
        if self._precision not in _PRECISIONS["torch"]:
            return True
        sides: list[Task] = [task for task in ("document", "query") if _is_splade(self._folder.modules(task))]
        if not sides or any(self._graphs(task) is None for task in sides):
            return False
        return self._device == "cpu" or not (importlib.util.find_spec("torch") and _may_have_accelerator())

    def _static(self, module: Module) -> Route:
        from postings.encoder.static import StaticRoute

        return StaticRoute.load(module.folder, module.config(), self._folder.max_active_dims)

    def _graph_route(self, task: Task) -> Route:
        from postings.encoder.onnx.route import GraphRoute

        modules = self._folder.modules(task)
        if modules and not _is_splade(modules):
            raise ModelNotSupported(
                f"{self._name!r} can't run on ONNX: it is made of {', '.join(module.name for module in modules)}, "
                "expected a masked-language model and SpladePooling with strategy max"
            )
        folder, graphs = self._transformer(task), self._graphs(task)
        if graphs is None:
            graphs = self._cache(folder)
            self.export(task, graphs)
        return GraphRoute(folder, graphs, read_facts(graphs) or {}, self._folder.max_active_dims, self._precision)

    def export(self, task: Task, graphs: Path) -> None:
        """Write the graphs of a side to a folder.

        Raises:
            MissingExtra: PyTorch and onnx are needed for it.
            ModelNotSupported: the model can't be exported.
        """
        try:
            from postings.encoder.onnx.export import export
        except ImportError as error:
            raise MissingExtra("torch", f"exporting the model {self._name!r} to ONNX") from error
        from postings.encoder.max_first import MaxFirst
        from postings.encoder.torch_model import load_model, route_of

        log.info("exporting %s to ONNX, once", self._name)
        route = route_of(load_model(self._folder.path, "cpu", "float32", self._name), task)
        if not isinstance(route, MaxFirst):
            raise ModelNotSupported(
                f"{self._name!r} can't run on ONNX: its head isn't a product whose maximum is taken"
            )
        export(route, self._transformer(task), self._fingerprint, graphs)

    def _graphs(self, task: Task) -> Path | None:
        """The graphs of a side, in the model's folder or in the cache."""
        folder = self._transformer(task)
        for graphs in (folder / "onnx", self._cache(folder)):
            facts = read_facts(graphs)
            if facts is not None and facts.get("fingerprint") == self._fingerprint:
                return graphs
        return None

    def _transformer(self, task: Task) -> Path:
        """The folder of the module that holds the weights."""
        modules = self._folder.modules(task)
        return modules[0].folder if modules else self._folder.path

    def _cache(self, folder: Path) -> Path:
        return cache_folder() / "onnx" / f"{self._fingerprint}-{_FORMAT}" / folder.relative_to(self._folder.path)

    def _torch_route(self, task: Task) -> Route:
        from postings.encoder.torch_model import load_model, route_of

        if self._model is None:
            self._model = load_model(self._folder.path, self._device, self._precision, self._name)
        return route_of(self._model, task)


def _is_splade(modules: tuple[Module, ...]) -> bool:
    return [module.name for module in modules] in _SPLADE


def _may_have_accelerator() -> bool:
    """Whether to ask PyTorch for a GPU: importing it takes seconds, so not without a sign of one."""
    signs = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    return any(map(os.path.exists, signs)) or (platform.system(), platform.machine()) == ("Darwin", "arm64")
