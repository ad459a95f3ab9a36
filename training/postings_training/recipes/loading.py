"""Recipes: what a training run is, as a short TOML file with checked settings."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from postings.arguments import as_list
from postings.errors import ConfigurationError
from postings_training.recipes.sections import (
    Data,
    Evaluation,
    Imitation,
    Loss,
    Model,
    Publish,
    Section,
    Sparsity,
    Teacher,
    Training,
)

RECIPES = Path(__file__).parent
"""The recipes that the package carries, a TOML file each."""


class Recipe(Section):
    """A training run.

    Raises:
        ConfigurationError: :func:`load_recipe` found an unknown, missing or impossible setting.

    Example:
        >>> load_recipe("splade-gooaq").training.batch_size
        32
    """

    base: str = Field(min_length=1, description="'tiny', a folder or a hub id")
    model: Model = Field(default_factory=Model)
    data: Data = Field(default_factory=Data)
    loss: Loss = Field(default_factory=Loss)
    imitation: Imitation = Field(default_factory=Imitation)
    sparsity: Sparsity = Field(default_factory=Sparsity)
    teachers: tuple[Teacher, ...] = ()
    training: Training = Field(default_factory=Training)
    evaluation: Evaluation = Field(default_factory=Evaluation)
    publish: Publish = Field(default_factory=Publish)

    @model_validator(mode="after")
    def _fit(self) -> Self:
        for wrong, message in self._contradictions():
            if wrong:
                raise ValueError(message)
        return self

    def _has_one(self, kind: str) -> bool:
        return sum(each.kind == kind for each in self.teachers) == 1

    def _contradictions(self) -> list[tuple[bool, str]]:
        csr, loss, sparsity = self.model.kind == "csr", self.loss, self.sparsity
        targets = sparsity.query_target or sparsity.document_target
        measured = bool(self.evaluation.sets or self.data.held_out)
        return [
            (
                csr and loss.kind not in ("contrastive", "in-batch-kl"),
                "loss.kind: a csr model is trained with 'contrastive' or 'in-batch-kl'",
            ),
            (not csr and self.model.normalize, "model.normalize: of csr models; SPLADE's lengths say something"),
            (not csr and self.model.start != "random", "model.start: of csr models"),
            (
                self.model.whole_queries and self.model.start != "components",
                "model.whole_queries: of csr models whose latents start as components",
            ),
            (
                bool(self.data.sentences) and loss.kind != "in-batch-kl",
                "data.sentences: goes with loss.kind 'in-batch-kl'",
            ),
            (
                loss.kind == "in-batch-kl" and not self.teachers,
                "teachers: 'in-batch-kl' learns the scores of one or more",
            ),
            (
                loss.kind == "in-batch-kl" and any(each.kind == "cross-encoder" for each in self.teachers),
                "teachers: 'in-batch-kl' scores each query for each document, which takes a cross-encoder too long",
            ),
            (
                bool(self.imitation.weight)
                and not (self.model.kind == "splade" and loss.kind == "in-batch-kl" and self._has_one("sparse")),
                "imitation.weight: needs model.kind 'splade', loss.kind 'in-batch-kl' and one teacher of kind 'sparse'",
            ),
            (
                bool(self.imitation.weight) and loss.similarity == "cosine",
                "imitation.weight: cosines don't depend on how large weights are; set loss.similarity to 'dot'",
            ),
            (
                bool(self.imitation.related) and not self.imitation.weight,
                "imitation.related: needs an imitation.weight",
            ),
            (
                bool(self.imitation.weight and self.imitation.related) and not self._has_one("dense"),
                "imitation.related: needs one teacher of kind 'dense', which tells what is near",
            ),
            (
                any(not each.model and each.kind != "bm25" for each in self.teachers) and loss.kind != "in-batch-kl",
                "teachers: a teacher needs a model",
            ),
            (csr and loss.mini_batch is not None, "loss.mini_batch: a csr model has none"),
            (csr and bool(targets), "sparsity: a csr model takes no target: model.k is its documents' active dims"),
            (
                bool(sparsity.query_target) and (self.model.kind == "inference-free" or not loss.query_weight),
                "sparsity.query_target: the queries' FLOPS loss must have a loss.query_weight to steer",
            ),
            (
                bool(sparsity.document_target) and not loss.document_weight,
                "sparsity.document_target: the documents' FLOPS loss must have a loss.document_weight to steer",
            ),
            (
                self.evaluation.patience is not None and not measured,
                "evaluation.patience: needs evaluation.sets or data.held_out to measure on",
            ),
            (
                self.evaluation.keep_best and not measured,
                "evaluation.keep_best: needs evaluation.sets or data.held_out to measure on",
            ),
        ]


def recipe_names() -> list[str]:
    """The names of the recipes that the package carries.

    Example:
        >>> recipe_names()
        ['csr-distill', 'csr-nq', 'distill', 'inference-free', 'splade-gooaq', 'splade-nq', 'tiny']
    """
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name: str, changes: Iterable[str] = (), **replaced: Any) -> Recipe:
    """Read a recipe and change some of its settings.

    Args:
        name: a bundled name, or the path of a TOML file.
        changes: ``section.setting=value`` each, the value as in TOML; what isn't TOML is a string.
        replaced: whole values by dotted name with ``__`` for the dot; ``None`` changes nothing.

    Raises:
        ConfigurationError: there is no such recipe, it isn't TOML, or a setting is unknown, missing or impossible.

    Example:
        >>> load_recipe("tiny", ["training.epochs=3", "data.sources=['pairs.jsonl']"]).training.epochs
        3.0
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        expected = f"expected one of {', '.join(recipe_names())}, or the path of a TOML file"
        raise ConfigurationError(f"there is no recipe {name!r} ({error.strerror or error}): {expected}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the recipe {path} isn't TOML: {error}") from error
    for change in as_list("changes", changes, str, ConfigurationError):
        key, equals, value = change.partition("=")
        if not equals:
            raise ConfigurationError(f"expected section.setting=value, got {change!r}")
        _put(content, key.strip(), _value(value.strip()))
    for key, value in replaced.items():
        if value is not None:
            _put(content, key.replace("__", "."), value)
    return checked(content, str(path))


def checked(content: Mapping[str, Any], origin: str) -> Recipe:
    """Make a recipe of what a TOML file holds.

    Raises:
        ConfigurationError: a setting is unknown, missing or impossible; the message names it.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'recipe'}: {each['msg'].removeprefix('Value error, ')}"
            + ("" if isinstance(each["input"], dict | Recipe) else f", got {each['input']!r}")
            for each in error.errors()
        )
        raise ConfigurationError(f"{origin}: {reasons}") from error


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *sections, setting = key.split(".")
    for section in sections:
        inner = content.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"{section!r} is a setting, not a section: expected section.setting, got {key!r}")
        content = inner
    content[setting] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
