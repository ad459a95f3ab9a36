"""BEIR folders for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

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
        rows = (json.dumps({"_id": id, "title": "", "text": text}) for id, text in texts.items())
        (folder / f"{name}.jsonl").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    rows = (f"{query}\t{document}\t{grade}\n" for query, of in judgements.items() for document, grade in of.items())
    (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows), encoding="utf-8")
    return folder
