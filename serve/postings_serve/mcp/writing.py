"""The tools that write; each runs in a thread, one at a time."""

from __future__ import annotations

from postings_ingest import Pipeline, deletion
from postings_ingest.tenants import Tenants
from postings_serve.guard import Caller
from postings_serve.mcp.answers import Ingested
from postings_serve.mcp.arguments import DeleteArguments, IngestArguments
from postings_serve.mcp.backend import Backend
from postings_serve.schemas.documents import Deleted
from postings_serve.submission.records import documents_of


def ingest(backend: Backend, caller: Caller, given: IngestArguments) -> Ingested:
    """Encode documents and index them. Only the default collection is created, so that no misspelled name is.

    Raises:
        Problem: 400, one isn't a document.
        CollectionNotFound: there is no such collection.
        PostingsError: as :meth:`postings_ingest.Pipeline.run`.
    """
    settings = backend.settings_of(caller, given.collection)
    documents = documents_of(given.documents, Tenants.of_settings(settings))
    with backend.index(caller, given.collection) as index:
        if settings.collection != backend.settings.collection:
            index.models()
        report = Pipeline(backend.encoders.of(index), index, settings).run(documents)
    return Ingested(
        collection=settings.collection,
        indexed=report.indexed,
        unchanged=report.unchanged,
        superseded=report.superseded,
        duplicates=report.duplicates,
        passages=report.passages,
    )


def delete(backend: Backend, caller: Caller, given: DeleteArguments) -> Deleted:
    """Delete documents.

    Raises:
        Problem: 403, as :meth:`Backend.part`.
        PostingsError: as :func:`postings_ingest.deletion.delete`.
    """
    with backend.part(caller, given.collection) as index:
        return Deleted.model_validate(deletion.delete(index, given.ids).to_json())
