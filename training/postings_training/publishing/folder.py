"""A trained model's folder: weights that ``Encoder.load`` takes, a model card, and a record of how it came to be."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from postings.encoder.fingerprint import fingerprint
from postings.encoder.folder import Task
from postings.encoder.torch_model import modules_of
from postings_training.leaks.provenance import RECORD, Source
from postings_training.publishing.card import card
from postings_training.recipes.recipe import Recipe

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

_LIBRARIES = ("postings", "sentence-transformers", "transformers", "torch")


@dataclass(frozen=True, slots=True)
class Record:
    """How a model came to be: ``training.json`` in its folder, which isn't part of the fingerprint that it holds.

    Attributes:
        fingerprint: of weights, tokenizer and encode settings, as in :attr:`postings.Encoder.fingerprint`.
        recipe: all settings.
        data: that it was trained on, and its base.
        steps: optimizer steps done.
        seconds: that training took.
        results: what was measured at the end.
        versions: of the libraries.
    """

    fingerprint: str
    recipe: Recipe
    data: tuple[Source, ...]
    steps: int
    seconds: float
    results: Mapping[str, float]
    versions: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        whole = {name: getattr(self, name) for name in self.__slots__}
        return {**whole, "recipe": self.recipe.model_dump(), "data": [asdict(source) for source in self.data]}


def publish(
    model: SparseEncoder,
    folder: Path,
    recipe: Recipe,
    data: tuple[Source, ...],
    steps: int,
    seconds: float,
    results: Mapping[str, float],
) -> Record:
    """Write the folder, whole or not at all.

    Args:
        model: in the precision that it is stored in.
        folder: must not exist.
        recipe: how it was trained.
        data: on what.
        steps: how long.
        seconds: how long.
        results: how good it is.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for task in get_args(Task):
        # Of training: who reads tokenizer.json by itself would cut and pad texts as it did.
        if tokenizer := getattr(modules_of(model, task)[0].tokenizer, "backend_tokenizer", None):
            tokenizer.no_truncation()
            tokenizer.no_padding()
    model.save_pretrained(str(partial), create_model_card=False)
    record = Record(
        fingerprint=fingerprint(partial),
        recipe=recipe,
        data=data,
        steps=steps,
        seconds=round(seconds, 1),
        results=dict(results),
        versions={name: version(name) for name in _LIBRARIES},
    )
    content = record.to_json()
    (partial / RECORD).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (partial / "README.md").write_text(card(content), encoding="utf-8")
    readable = (partial / RECORD).stat().st_mode
    for weights in partial.rglob("*.safetensors"):
        weights.chmod(readable)  # safetensors shuts out all users but this one, and workers run as another
    partial.rename(folder)
    return record
