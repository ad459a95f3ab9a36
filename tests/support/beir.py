"""BEIR folders for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.jsonl import write_jsonl

ENCYCLOPEDIA = Path(__file__).parents[1] / "data" / "encyclopedia"
"""96 articles and 200 queries; its ``pairs.jsonl`` can be trained on."""


def write_beir(
    folder: Path,
    corpus: Mapping[str, str],
    queries: Mapping[str, str],
    judgements: Mapping[str, Mapping[str, int]],
    split: str = "test",
) -> Path:
    """Write a BEIR folder, without titles."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name, texts in (("corpus", corpus), ("queries", queries)):
        write_jsonl(folder / f"{name}.jsonl", ({"_id": id, "title": "", "text": text} for id, text in texts.items()))
    rows = (f"{query}\t{document}\t{grade}\n" for query, of in judgements.items() for document, grade in of.items())
    (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows), encoding="utf-8")
    return folder
