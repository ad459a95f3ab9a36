"""Retrieval tasks of MTEB, made from BEIR folders on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata

from postings_training.data import BeirSet


class Local(AbsTaskRetrieval):
    """A set that was read before."""

    metadata = TaskMetadata(
        name="Local",
        description="A set on this machine.",
        dataset={"path": "local", "revision": "1"},
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="ndcg_at_10",
    )

    def __init__(
        self,
        data: BeirSet,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        **columns: Sequence[str],
    ) -> None:
        super().__init__()
        self._data, self._top_ranked, self._columns = data, top_ranked, columns

    def load_data(self, *_: Any, **__: Any) -> None:
        queries = {"id": list(self._data.judged.queries), "text": list(self._data.judged.queries.values())}
        corpus = [{"id": id, "title": title, "text": text} for id, (title, text) in self._data.corpus.items()]
        split = {
            "corpus": Dataset.from_list(corpus),
            "queries": Dataset.from_dict({**queries, **self._columns}),
            "relevant_docs": {id: dict(grades) for id, grades in self._data.judged.judgements.items()},
            "top_ranked": self._top_ranked,
        }
        self.dataset = {"default": {"test": split}}
        self.data_loaded = True
