"""The modules of a sentence-transformers model and its settings, read from its folder without PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from postings.encoder.model_files.json_files import malformed, read_json
from postings.errors import ModelNotSupported

Task = Literal["document", "query"]
TASKS: tuple[Task, ...] = ("document", "query")

SPARSE_MODULES = frozenset({"SpladePooling", "SparseAutoEncoder", "SparseStaticEmbedding"})
"""The modules of sentence-transformers that make a vector sparse."""

_TASK_KEYS = ("query_length", "document_length", "query_expansion")


@dataclass(frozen=True, slots=True)
class Module:
    """One module of a model: the name of its class, and the folder of its files."""

    name: str
    folder: Path

    def config(self) -> dict[str, Any]:
        """The module's ``config.json``."""
        return read_json(self.folder / "config.json", dict)

    def has_task_settings(self) -> bool:
        """Whether a transformer reads queries differently from documents, for example fewer tokens of them."""
        files = self.folder.glob("sentence_*_config.json")
        return any(read_json(file, dict).get(key) for file in files for key in _TASK_KEYS)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """The modules that encode documents and queries, and the settings that go with them.

    Raises:
        ModelNotSupported: a configuration is damaged, or the model isn't a sparse encoder that scores by dot product.
    """

    path: Path
    prompts: dict[str, str] = field(default_factory=dict)
    max_active_dims: int | None = None
    document: tuple[Module, ...] = ()
    """Empty for a plain transformers model; sentence-transformers chooses its modules when it loads it."""
    query: tuple[Module, ...] = ()

    @classmethod
    def read(cls, path: Path) -> ModelFolder:
        """Read ``modules.json``, ``router_config.json`` and ``config_sentence_transformers.json``."""
        settings = read_json(path / "config_sentence_transformers.json", dict)
        similarity = settings.get("similarity_fn_name") or "dot"
        if similarity != "dot":
            raise ModelNotSupported(
                f"{path} compares vectors by {similarity}, but Qdrant scores sparse vectors by dot product"
            )
        document, query = modules_in(path, "document"), modules_in(path, "query")
        for side in (document, query) if document else ():
            last = sparse_module([module.name for module in side])
            if last not in SPARSE_MODULES and not (side is query and _keeps_all_latents(query, document)):
                raise not_sparse(path, last)
        return cls(
            path,
            prompts=_prompts(path, settings.get("prompts")),
            max_active_dims=_max_active_dims(path, settings.get("max_active_dims")),
            document=document,
            query=query,
        )

    def modules(self, task: Task) -> tuple[Module, ...]:
        """The modules that encode documents, or queries."""
        return self.document if task == "document" else self.query

    @property
    def has_one_side(self) -> bool:
        """Whether documents and queries are encoded by the same modules; their prompts may differ."""
        return self.document == self.query and not (self.document and self.document[0].has_task_settings())

    def is_splade(self, task: Task) -> bool:
        """Whether documents, or queries, are encoded by a masked-language model with max pooling."""
        modules = self.modules(task)
        names = [module.name for module in modules]
        if names not in (["Transformer", "SpladePooling"], ["MLMTransformer", "SpladePooling"]):
            return False
        if modules[0].has_task_settings():
            return False
        return bool(modules[1].config().get("pooling_strategy", "max") == "max")

    def weights(self, task: Task) -> Path:
        """The folder with the weights and the tokenizer that encode documents, or queries."""
        modules = self.modules(task)
        return modules[0].folder if modules else self.path


def sparse_module(names: Sequence[str]) -> str:
    """The module that makes the vectors: the last one, or the one that a ``Normalize`` follows.

    Example:
        >>> sparse_module(["Transformer", "Pooling", "SparseAutoEncoder", "Normalize"])
        'SparseAutoEncoder'
    """
    return next((name for name in reversed(names) if name != "Normalize"), "Normalize")


def not_sparse(model: object, last: str) -> ModelNotSupported:
    """The error for a model whose last module isn't one of a sparse encoder."""
    return ModelNotSupported(
        f"{model} isn't a sparse encoder: its last module is {last}, expected {', '.join(sorted(SPARSE_MODULES))}, or "
        "for queries of CSR a Dense with a ReLU"
    )


def modules_in(path: Path, task: Task) -> tuple[Module, ...]:
    """The modules in a model's folder that encode documents, or queries; none for a plain transformers model.

    The model may be any of sentence-transformers, not just a sparse one.

    Raises:
        ModelNotSupported: ``modules.json`` or ``router_config.json`` is damaged.
    """
    file = path / "modules.json"
    if not file.is_file():
        return ()
    found: list[Module] = []
    with malformed(path):
        for entry in read_json(file, list):
            module = Module(_class_name(entry["type"]), path / entry["path"])
            found += _routed(module, task) if module.name == "Router" else [module]
    if not found:
        raise ModelNotSupported(f"{file} names no module for a {task}")
    return tuple(found)


def _keeps_all_latents(query: Sequence[Module], document: Sequence[Module]) -> bool:
    """Whether queries of a CSR model keep all positive latents, while documents keep only the highest."""
    layer = next((each for each in reversed(query) if each.name != "Normalize"), query[-1])
    positive = layer.config().get("activation_function") == "torch.nn.modules.activation.ReLU"
    is_csr = sparse_module([each.name for each in document]) == "SparseAutoEncoder"
    return layer.name == "Dense" and positive and is_csr


def _prompts(path: Path, given: Any) -> dict[str, str]:
    with malformed(path):
        prompts: dict[str, str] = {task: (given or {}).get(task) or "" for task in TASKS}
    if not all(isinstance(prompt, str) for prompt in prompts.values()):
        raise ModelNotSupported(f"{path}: expected prompts that are strings, got {given!r:.100}")
    return prompts


def _max_active_dims(path: Path, given: Any) -> int | None:
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ModelNotSupported(f"{path}: expected a max_active_dims that is a positive integer, got {given!r:.100}")
    return given


def _routed(router: Module, task: Task) -> list[Module]:
    config = read_json(router.folder / "router_config.json", dict)
    structure = config["structure"]
    parts = structure.get(task) or structure[config["parameters"]["default_route"]]
    return [Module(_class_name(config["types"][part]), router.folder / part) for part in parts]


def _class_name(path: str) -> str:
    return path.rpartition(".")[2]
