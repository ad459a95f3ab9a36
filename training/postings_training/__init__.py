"""Fine-tuning, evaluation and mining of sparse encoders.

Train a model by a recipe, and measure it on sets whose queries it hasn't seen::

    record = train(load_recipe("tiny", data__sources=["pairs.jsonl"]), Path("my-model"))
    sources, _ = known_sources(["my-model"])
    sets, _ = without_leaks([load_set("my-beir-folder")], sources)
    measured = measure_model(Encoder.load("my-model"), sets[0])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from postings.errors import MissingExtra
from postings_training.data import (
    BeirSet,
    JudgedQueries,
    Judgements,
    load_beir,
    load_judgements,
    load_queries,
    load_set,
    read_qrels,
    read_run,
    run_lines,
)
from postings_training.evaluation import (
    Comparison,
    Evaluation,
    Measured,
    Quality,
    Run,
    compare,
    evaluate,
    measure_collection,
    measure_model,
    measure_run,
    write_report,
)

if TYPE_CHECKING:
    from postings_training.leaks.guard import without_leaks
    from postings_training.leaks.known_sources import known_sources
    from postings_training.leaks.provenance import Source, trained_on
    from postings_training.mining import Guards, Mined, mine
    from postings_training.recipes.loading import load_recipe
    from postings_training.recipes.recipe import Recipe
    from postings_training.runs.run import train

__all__ = [
    "BeirSet",
    "Comparison",
    "Evaluation",
    "Guards",
    "JudgedQueries",
    "Judgements",
    "Measured",
    "Mined",
    "Quality",
    "Recipe",
    "Run",
    "Source",
    "compare",
    "evaluate",
    "known_sources",
    "load_beir",
    "load_judgements",
    "load_queries",
    "load_recipe",
    "load_set",
    "measure_collection",
    "measure_model",
    "measure_run",
    "mine",
    "read_qrels",
    "read_run",
    "run_lines",
    "train",
    "trained_on",
    "without_leaks",
    "write_report",
]

# Imported when first used: training takes seconds, with PyTorch, recipes and records a tenth, with pydantic.
_LAZY = {
    "Guards": "mining",
    "Mined": "mining",
    "Recipe": "recipes.recipe",
    "Source": "leaks.provenance",
    "known_sources": "leaks.known_sources",
    "load_recipe": "recipes.loading",
    "mine": "mining",
    "train": "runs.run",
    "trained_on": "leaks.provenance",
    "without_leaks": "leaks.guard",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    except ImportError as error:
        raise MissingExtra("training", f"postings_training.{name}") from error
