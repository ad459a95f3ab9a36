"""NanoBEIR: small subsets of thirteen BEIR sets, 50 queries each, from the Hugging Face hub.

https://huggingface.co/datasets/sentence-transformers/NanoBEIR-en
"""

from __future__ import annotations

from typing import Any

from postings.errors import ConfigurationError, MissingExtra, ReaderError, first_line
from postings_training.data.judgements import BeirSet, CorpusText, JudgedQueries

DATASET = "sentence-transformers/NanoBEIR-en"

NAMES = (
    "ArguAna",
    "ClimateFEVER",
    "DBPedia",
    "FEVER",
    "FiQA2018",
    "HotpotQA",
    "MSMARCO",
    "NFCorpus",
    "NQ",
    "QuoraRetrieval",
    "SCIDOCS",
    "SciFact",
    "Touche2020",
)


def load_nano_beir(name: str, dataset: str = DATASET) -> BeirSet:
    """Load one of ``NAMES`` (in any case), as sentence-transformers' ``SparseNanoBEIREvaluator`` does.

    Args:
        name: of the set.
        dataset: a hub id, or a folder of the same layout: the subsets corpus, queries and qrels with a split for each.

    Raises:
        ConfigurationError: there is no such set.
        ReaderError: the hub can't be reached, or the data set has another layout.
        MissingExtra: datasets isn't installed.

    Example:
        >>> load_nano_beir("msmarco").judged.queries  # doctest: +SKIP
    """
    known = {each.lower(): each for each in NAMES}
    if name.lower() not in known:
        raise ConfigurationError(f"there is no NanoBEIR set {name!r}: expected one of {', '.join(NAMES)}")
    split = f"Nano{known[name.lower()]}"
    try:
        corpus = {row["_id"]: CorpusText("", row["text"]) for row in _rows(dataset, "corpus", split) if row["text"]}
        queries = {row["_id"]: row["text"] for row in _rows(dataset, "queries", split) if row["text"]}
        judgements: dict[str, dict[str, int]] = {}
        for row in _rows(dataset, "qrels", split):
            ids = row["corpus-id"] if isinstance(row["corpus-id"], list) else [row["corpus-id"]]
            judgements.setdefault(row["query-id"], {}).update(dict.fromkeys(ids, 1))
    except KeyError as error:
        raise ReaderError(f"{dataset} has no column {error} in the split {split}") from error
    judged = {query_id: grades for query_id, grades in judgements.items() if query_id in queries}
    if not judged:
        raise ReaderError(f"{dataset} judges no query of the split {split}")
    return BeirSet(split, corpus, JudgedQueries({query_id: queries[query_id] for query_id in judged}, judged))


def _rows(dataset: str, subset: str, split: str) -> Any:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise MissingExtra("training", "loading NanoBEIR") from error
    try:
        return load_dataset(dataset, subset, split=split)
    except Exception as error:  # datasets raises errors of its own, of the hub's client, of httpx and of the OS
        raise ReaderError(
            f"{subset} of {split} can't be loaded from {dataset} ({first_line(error)}): BEIR folders need no hub"
        ) from error
