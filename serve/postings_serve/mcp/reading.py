"""The tools that read; each runs in a thread."""

from __future__ import annotations

from dataclasses import asdict

from postings.collections import Collections
from postings.indexed_documents import get_document
from postings_query import SearchClient
from postings_query.facets import facets as counted
from postings_serve.guard import Caller
from postings_serve.http.problems import Problem
from postings_serve.mcp.answers import CollectionList, DocumentText, Found, FoundPassage
from postings_serve.mcp.arguments import GetArguments, InfoArguments, NoArguments, SearchArguments
from postings_serve.mcp.backend import Backend
from postings_serve.schemas.collections import Collection
from postings_serve.schemas.facets import FacetsAnswer, FacetsBody


def search(backend: Backend, caller: Caller, given: SearchArguments) -> Found:
    """Find passages, and say what made their scores.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.
    """
    settings = backend.settings_of(caller, given.collection)
    with backend.index(caller, given.collection) as index:
        encoder = backend.encoders.of(index, given.model)
        with SearchClient(index=index, encoder=encoder, settings=settings) as client:
            hits = client.search(
                given.query,
                given.limit,
                given.offset,
                given.filter,
                group_by_document=given.group_by_document,
                explain=given.tokens > 0,
                score_threshold=given.score_threshold,
                words=given.words,
            )
            left_out = client.query_tokens_left_out(given.query)
    return Found(
        collection=settings.collection,
        model=hits.model,
        query_tokens_left_out=left_out,
        hits=[FoundPassage.of(hit, given.tokens) for hit in hits],
    )


def get(backend: Backend, caller: Caller, given: GetArguments) -> DocumentText:
    """Read a document.

    Raises:
        Problem: 404, there is none; 403, as :meth:`Backend.part`.
        PostingsError: as :func:`postings.indexed_documents.get_document`.
    """
    with backend.part(caller, given.collection) as index:
        found = get_document(index, given.id)
        collection = index.collection
    if found is None:
        detail = f"there is no document {given.id!r} in collection {collection!r}, or it is only partly stored"
        raise Problem(404, "document-not-found", detail)
    document = found.document
    start = min(given.start, len(document.text))
    text = document.text[start : start + given.characters]
    return DocumentText(
        id=document.id,
        title=document.title,
        text=text,
        start=start,
        end=start + len(text),
        characters=len(document.text),
        metadata=dict(document.metadata),
        version=document.version or 0,
    )


def facets(backend: Backend, caller: Caller, given: FacetsBody) -> FacetsAnswer:
    """Count the values of metadata fields.

    Raises:
        PostingsError: as :func:`postings_query.facets.facets`.
    """
    with backend.index(caller, given.collection) as index:
        found = counted(index, given.fields, given.filter, limit=given.limit)
        return FacetsAnswer(collection=index.collection, **asdict(found))


def collections(backend: Backend, _: Caller, __: NoArguments) -> CollectionList:
    """List the collections.

    Raises:
        IndexFailure: the index can't be read.
    """
    settings = backend.settings
    return CollectionList(collections=Collections(settings).names(), default=settings.collection)


def info(backend: Backend, caller: Caller, given: InfoArguments) -> Collection:
    """Say what a collection holds.

    Raises:
        CollectionNotFound: there is no such collection.
    """
    with backend.index(caller, given.collection) as index:
        return Collection.of(index)
