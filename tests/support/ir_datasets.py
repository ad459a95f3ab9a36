"""Data sets of ir-datasets that lie on this machine, registered as the library's own are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_numbers = itertools.count()


def registered(**parts: Any) -> str:
    """A source for handlers of the library: ``docs``, ``queries``, ``qrels``."""
    import ir_datasets

    name = f"tests/{next(_numbers)}"
    ir_datasets.registry.register(name, ir_datasets.Dataset(*parts.values()))
    return f"ir-datasets:{name}"


def of_folder(folder: Path, split: str = "test") -> str:
    """A source with the documents, queries and judgements of a BEIR folder."""
    qrels = folder.parent / f"{folder.name}.{split}.qrels"
    rows = (folder / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    qrels.write_text("".join("{} 0 {} {}\n".format(*row.split("\t")) for row in rows), encoding="utf-8")
    return of_files(folder / "corpus.jsonl", folder / "queries.jsonl", qrels)


def of_files(corpus: Path, queries: Path, qrels: Path, mapping: Mapping[str, str] | None = None) -> str:
    """A source for files in the formats of BEIR, and for qrels in TREC's; ``mapping`` names a document's fields."""
    from ir_datasets.formats import JsonlDocs, JsonlQueries, TrecQrels
    from ir_datasets.util import LocalDownload

    fields = mapping or {"doc_id": "_id", "title": "title", "text": "text"}
    return registered(
        docs=JsonlDocs(LocalDownload(corpus), _document(tuple(fields)), dict(fields)),
        queries=JsonlQueries(LocalDownload(queries), mapping={"query_id": "_id", "text": "text"}),
        qrels=TrecQrels(LocalDownload(qrels), {}),
    )


def _document(fields: tuple[str, ...]) -> Any:
    made = NamedTuple("made", [(name, str) for name in fields])  # type: ignore[misc]
    made.default_text = lambda each: " ".join(each[1:])  # type: ignore[attr-defined]
    return made
