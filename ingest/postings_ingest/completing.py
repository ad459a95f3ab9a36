"""Vectors that written documents still lack, because somebody added a model, or changed the words, meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from postings import Index
from postings.batching import batched
from postings.index import Filter
from postings.index.models import CollectionModels
from postings.index.payload import PASSAGES, REVISION_FIELDS, of_documents, without_vector
from postings.words import WORDS
from postings_ingest.backfill import fill, fill_words, passages_without_vector
from postings_ingest.encoders import Encoders
from postings_ingest.encoding import TEXTS_AT_ONCE
from postings_ingest.planned_writes import PlannedWrite
from postings_ingest.words import Words


def complete_models(
    index: Index,
    models: CollectionModels,
    planned: Sequence[PlannedWrite],
    encoders: Encoders,
    check: Callable[[], object],
) -> None:
    """Set the vectors of models that others have added.

    Args:
        index: where the documents were written.
        models: as they were read after the write.
        planned: the documents.
        encoders: of the models.
        check: called before each pass over a model.
    """
    for fingerprint in models.names:
        # What wasn't written may lack vectors, if an earlier writer died in between; but not of the only model.
        ids = [
            each.doc_id
            for each in planned
            if (len(models.names) > 1 if each.stored is not None else each.lacks(fingerprint))
        ]
        lacking = passages_without_vector(index, fingerprint, of_documents(ids)) if ids else ()
        for points in batched(lacking, TEXTS_AT_ONCE):
            fill(index, encoders.of(models)[fingerprint], points, check)


def complete_words(
    index: Index,
    models: CollectionModels,
    planned: Sequence[PlannedWrite],
    words: Words,
    read_models: Callable[[], CollectionModels],
) -> None:
    """Set the words' vectors that are missing, or that were weighted before somebody changed how.

    Whoever changed it may have passed the documents already. It may be changed again while vectors are set, so the last
    step is always a look.
    """
    stale: set[str] = set()
    while models.words is not None:
        stale |= {
            each.doc_id for each in planned if each.stored is None and each.passages and each.words != models.words
        }
        unchanged = [each.doc_id for each in planned if each.stored is not None] if models.words.added else []
        filters: list[Filter] = [of_documents(stale)] if stale else []
        if unchanged:
            filters.append({"must": [of_documents(unchanged), without_vector(WORDS)]})
        set_now = 0
        for filter in filters:
            stored = index.scroll({"must": [filter, PASSAGES]}, fields=REVISION_FIELDS)
            for points in batched(stored, TEXTS_AT_ONCE):
                fill_words(index, words.bm25(models.words), points)
                set_now += len(points)
        if not set_now:
            return
        before, models = models.words, read_models()
        if models.words == before:
            return
