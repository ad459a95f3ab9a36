"""Small data and settings for training: minutes for all recipes together, on two cores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from postings_training.recipes.loading import load_recipe
from postings_training.recipes.recipe import Recipe
from tests.support.beir import ENCYCLOPEDIA
from tests.support.jsonl import write_jsonl

QUICK = (
    "model.max_length=64",
    "training.max_length=24",
    "training.batch_size=8",
    "training.log_every=2",
    "training.save_every=2",
    "training.device=cpu",
    "data.held_out=0",
)

BY_WORDS = ("teachers=[{kind = 'bm25'}]", "imitation.weight=0")
"""The recipe ``tiny`` with a teacher that takes no time: a sparse one encodes all texts, or is exported first."""


def lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def pairs(folder: Path, rows: int = 64, negatives: int = 0) -> Path:
    """Questions and articles on many topics, of the split for training; another question's article as a negative."""
    found = list(lines(ENCYCLOPEDIA / "pairs.jsonl"))[:rows]
    records = []
    for number, row in enumerate(found):
        others = [found[(number + 7 * n) % len(found)]["positive"] for n in range(1, negatives + 1)]
        negative = {"negatives": others} if others else {}
        records.append({"query": row["query"], "positive": row["positive"], **negative})
    return write_jsonl(folder / "pairs.jsonl", records)


def beir(folder: Path, queries: int = 12, articles: int = 24) -> Path:
    """A BEIR folder of a few articles and questions of the split for tests, each about one of the articles."""
    (folder / "qrels").mkdir(parents=True)
    header, *judged = (ENCYCLOPEDIA / "qrels" / "test.tsv").read_text().splitlines(keepends=True)
    judged = [line for line in judged if not line.startswith("topic-")]
    chosen = judged[:: len(judged) // queries][:queries]
    asked, relevant = ({line.split("\t")[column] for line in chosen} for column in (0, 1))
    corpus = sorted(lines(ENCYCLOPEDIA / "corpus.jsonl"), key=lambda article: article["_id"] not in relevant)
    texts = [query for query in lines(ENCYCLOPEDIA / "queries.jsonl") if query["_id"] in asked]
    for name, records in (("corpus", corpus[:articles]), ("queries", texts)):
        write_jsonl(folder / f"{name}.jsonl", records)
    (folder / "qrels" / "test.tsv").write_text("".join([header, *chosen]))
    return folder


def quick(
    name: str, data: Path, *changes: str, base: str = "tiny", steps: int = 4, sets: tuple[str, ...] = ()
) -> Recipe:
    """A bundled recipe on a small base and few steps."""
    few = (*QUICK, f"training.steps={steps}", *changes)
    return load_recipe(name, few, base=base, data__sources=(str(data),), evaluation__sets=sets)
