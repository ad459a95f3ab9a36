"""Measuring a model, or an existing collection, on a BEIR set."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from postings import Encoder, Index, SparseVector
from postings.batching import batched
from postings.errors import InvalidInput
from postings.passages import passage_input
from postings_training.callbacks import OnProgress
from postings_training.data.judgements import BeirSet
from postings_training.evaluation.collection_quality import best_documents, encoded_queries
from postings_training.evaluation.engine import Costs, latency, storage_and_latency
from postings_training.evaluation.exact import ExactSearch
from postings_training.evaluation.pruning import KEPT, PruningCurve, pruning_curve
from postings_training.evaluation.quality import Quality, Run, evaluate_each
from postings_training.evaluation.sparsity import Sparsity

_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Measured:
    """One system on one set.

    Attributes:
        system: the model's name, or the collection's and its model's, or that of a run's file.
        data: the set's name.
        documents: number of documents in the corpus or the collection; None if there are judgements alone.
        quality: means over the queries.
        each: quality by query id.
        sparsity: of the vectors; None for a run that was read.
        costs: speed and size; None for a run that was read.
        pruning: None unless it was asked for.
        missing: number of relevant documents that the collection lacks; they count as not found.
        run: what was found for each query.
    """

    system: str
    data: str
    documents: int | None
    quality: Quality
    each: Mapping[str, Quality]
    sparsity: Sparsity | None
    costs: Costs | None
    pruning: PruningCurve | None
    missing: int = 0
    run: Run = field(default_factory=dict, repr=False)


def measure_model(
    encoder: Encoder, data: BeirSet, *, pruning: bool = False, progress: OnProgress | None = None
) -> Measured:
    """Encode a set's corpus and search it exactly.

    A document is one vector of its title and text, truncated to the model's window.

    Args:
        encoder: of the model.
        data: the set.
        pruning: also measure pruned vectors.
        progress: called during encoding, searching and pruning.

    Example:
        >>> measure_model(Encoder.load("tiny"), load_set("beir/scifact")).quality.ndcg_at_10  # doctest: +SKIP
        0.680...
    """
    report = progress or (lambda *_: None)
    texts = [passage_input(encoder, title, text)[0] for title, text in data.corpus.values()]
    encoder.encode_documents(texts[:1])  # warm up: allocations and the like don't count
    documents: list[SparseVector] = []
    began = time.perf_counter()
    for chunk in batched(texts, _CHUNK):
        documents += encoder.encode_documents(chunk)
        report("encoding documents", len(documents), len(texts))
    seconds = time.perf_counter() - began
    ids, queries = list(data.corpus), encoded_queries(encoder, data.judged)
    search = ExactSearch(ids, documents)
    run = {}
    for query_id, vector in queries.items():
        run[query_id] = search(vector)
        report("searching", len(run), len(queries))
    size, (p50, p99) = storage_and_latency(documents, list(queries.values()))
    costs = Costs(len(texts) / seconds, size / len(texts), p50, p99)
    found = _Found(ids, documents, queries, run)
    return _measured(encoder.name, data, found, costs, _pruning_curve(found, data, report) if pruning else None)


def measure_collection(
    index: Index, encoder: Encoder, data: BeirSet, *, pruning: bool = False, progress: OnProgress | None = None
) -> Measured:
    """Search a collection with its engine; each document gets the score of its best passage.

    All vectors are read back to measure sparsity and sizes, which takes 8 bytes of memory per entry.

    Args:
        index: the open collection.
        encoder: of its model.
        data: queries and judgements; its corpus should be what the collection was built from.
        pruning: also measure pruned vectors, by exact search.
        progress: called during reading, searching and pruning.

    Raises:
        ModelMismatch: the collection was built with another model.
        InvalidInput: the collection holds none of the relevant documents.
    """
    report = progress or (lambda *_: None)
    using, info = encoder.fingerprint, index.info()
    info.models.require(using, encoder.name, index.collection)
    ids, documents = [], []
    for point in index.scroll(fields=["doc_id"], vectors=[using]):
        if using in point.vectors:  # deleted documents have none
            ids.append(point.payload["doc_id"])
            documents.append(point.vectors[using])
            report("reading the collection", len(ids), info.points)
    relevant = {doc for grades in data.judged.judgements.values() for doc, grade in grades.items() if grade > 0}
    missing = relevant.difference(ids)
    if missing == relevant:
        raise InvalidInput(
            f"collection {index.collection!r} holds none of the {len(relevant)} relevant documents of {data.name}: "
            f"ingest its corpus first"
        )
    queries = encoded_queries(encoder, data.judged)
    run = {}
    for query_id, vector in queries.items():
        run[query_id] = best_documents(index, using, vector)
        report("searching", len(run), len(queries))
    size, _ = storage_and_latency(documents, list(queries.values()))
    p50, p99 = latency(index, using, list(queries.values()))
    costs = Costs(None, size / len(set(ids)), p50, p99)
    name = f"{index.collection} ({encoder.name})"
    found = _Found(ids, documents, queries, run)
    return _measured(name, data, found, costs, _pruning_curve(found, data, report) if pruning else None, len(missing))


class _Found(NamedTuple):
    """The vectors of documents and queries by id, and what searching them found."""

    ids: Sequence[str]
    documents: Sequence[SparseVector]
    queries: dict[str, SparseVector]
    run: Run


def _measured(
    system: str, data: BeirSet, found: _Found, costs: Costs, curve: PruningCurve | None, missing: int = 0
) -> Measured:
    each = evaluate_each(found.run, data.judged.judgements)
    return Measured(
        system=system,
        data=data.name,
        documents=len(set(found.ids)),
        quality=Quality.mean(each.values()),
        each=each,
        sparsity=Sparsity.of(found.documents, list(found.queries.values())),
        costs=costs,
        pruning=curve,
        missing=missing,
        run=found.run,
    )


def _pruning_curve(found: _Found, data: BeirSet, progress: OnProgress) -> PruningCurve:
    def done(points: int) -> None:
        progress("pruning", points, 2 * len(KEPT))

    return pruning_curve(found.ids, found.documents, found.queries, data.judged.judgements, done)
