"""How well a collection answers judged queries, through its engine."""

from __future__ import annotations

from itertools import islice

from postings import Encoder, Index, SparseVector
from postings.errors import InvalidInput
from postings.index import SearchRequest
from postings_training.data.judgements import JudgedQueries
from postings_training.evaluation.exact import LIMIT
from postings_training.evaluation.quality import Quality, evaluate


def collection_quality(index: Index, encoder: Encoder, judged: JudgedQueries) -> Quality:
    """Search a collection for judged queries with one of its models; a document's score is that of its best passage.

    Args:
        index: the open collection.
        encoder: of one of its models; it needn't be the active one.
        judged: the queries; the ids of relevant documents are those of the collection. Queries that nothing answers are
            left out.

    Raises:
        ModelMismatch: the collection doesn't have this model.
        InvalidInput: nothing that was found is judged relevant.
    """
    judged = judged.answered()
    index.models().require(encoder.fingerprint, encoder.name, index.collection)
    queries = encoded_queries(encoder, judged)
    run = {id: best_documents(index, encoder.fingerprint, vector) for id, vector in queries.items()}
    relevant = {doc for grades in judged.judgements.values() for doc, grade in grades.items() if grade > 0}
    if not any(relevant & found.keys() for found in run.values()):
        raise InvalidInput(
            f"collection {index.collection!r}: for {len(queries):,} queries, none of the {len(relevant):,} relevant "
            "documents is found: are they about this collection?"
        )
    return evaluate(run, judged.judgements)


def encoded_queries(encoder: Encoder, judged: JudgedQueries) -> dict[str, SparseVector]:
    """The vectors of judged queries, by id."""
    return dict(zip(judged.queries, encoder.encode_queries(list(judged.queries.values())), strict=True))


def best_documents(index: Index, using: str, vector: SparseVector) -> dict[str, float]:
    """Find the best ``LIMIT`` documents; the first passage of a document in the ranking is its best."""
    limit = 2 * LIMIT
    while True:
        points = index.search(SearchRequest(vector=vector, using=using, limit=limit))
        best: dict[str, float] = {}
        for point in points:
            best.setdefault(point.payload["doc_id"], point.score)
        if len(best) >= LIMIT or len(points) < limit:
            return dict(islice(best.items(), LIMIT))
        limit *= 4
