"""The folder of a trained model: weights for ``Encoder.load``, a model card, and a record of the training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from postings.encoder.toolkit import Task, fingerprint, modules_of
from postings_training.leaks.provenance import RECORD, Source
from postings_training.publishing.card import card
from postings_training.recipes.recipe import Recipe

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

_LIBRARIES = ("postings", "sentence-transformers", "transformers", "torch")


@dataclass(frozen=True, slots=True)
class Record:
    """How a model was trained: ``training.json`` in its folder, which the fingerprint doesn't cover.

    Attributes:
        fingerprint: of weights, tokenizer and encode settings, as in :attr:`postings.Encoder.fingerprint`.
        recipe: all settings.
        data: what it and its base were trained on.
        steps: number of optimizer steps.
        seconds: duration of the training.
        results: measured at the end.
        versions: of the libraries, by name.
    """

    fingerprint: str
    recipe: Recipe
    data: tuple[Source, ...]
    steps: int
    seconds: float
    results: Mapping[str, float]
    versions: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``training.json``."""
        whole = {name: getattr(self, name) for name in self.__slots__}
        return {**whole, "recipe": self.recipe.model_dump(), "data": [asdict(source) for source in self.data]}


def partial_folder(folder: Path) -> Path:
    """Where a folder is written before it gets its name."""
    return folder.with_name(f".{folder.name}.partial")


def publish(
    model: SparseEncoder,
    folder: Path,
    recipe: Recipe,
    data: tuple[Source, ...],
    steps: int,
    seconds: float,
    results: Mapping[str, float],
) -> Record:
    """Write the folder, completely or not at all.

    Args:
        model: in the precision to store it in.
        folder: must not exist.
        recipe: all settings.
        data: what the model and its base were trained on.
        steps: number of optimizer steps.
        seconds: duration of the training.
        results: measured at the end.
    """
    for task in get_args(Task):
        # Training's truncation and padding would otherwise be stored in tokenizer.json, for all who read it.
        if tokenizer := getattr(modules_of(model, task)[0].tokenizer, "backend_tokenizer", None):
            tokenizer.no_truncation()
            tokenizer.no_padding()
    with _whole(folder) as partial:
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
            weights.chmod(readable)  # safetensors lets only this user read them, and workers run as another
    return record


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder to write to, which gets its name at the end; after an error, there is none."""
    partial = partial_folder(folder)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        yield partial
        partial.rename(folder)
    except BaseException:  # Ctrl-C, too: a whole model would stay, hidden, where the disk may be full
        shutil.rmtree(partial, ignore_errors=True)
        raise
