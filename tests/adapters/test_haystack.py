"""Haystack: pipelines, how they are saved and what they trust, and sparse embedders."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from haystack import Document, Pipeline
from haystack.core.errors import DeserializationError

from postings import Encoder
from postings.errors import InvalidDocument, InvalidInput, InvalidQuery, ModelNotFound
from postings_adapters.haystack import PostingsRetriever, PostingsSparseDocumentEmbedder, PostingsSparseTextEmbedder
from postings_query import SearchClient
from tests.adapters import made_clients
from tests.support.sentences import SENTENCES

TRUSTED = ["postings_adapters.*", "tests.adapters.made_clients"]
FOOD = {"must": [{"key": "metadata.number", "match": {"value": 0}}]}
LION = {"must": [{"key": "metadata.number", "match": {"value": 8}}]}


@pytest.fixture
def made(near: SearchClient) -> Any:
    made_clients.MADE[:] = [near]
    yield made_clients.client
    made_clients.MADE.clear()


def of(component: Any) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("it", component)
    return pipeline


def test_a_pipeline_runs_the_retriever(near: SearchClient) -> None:
    pipeline = of(PostingsRetriever(near, filters=LION, top_k=3))
    asked = {"it": {"query": "prey is food", "filters": FOOD, "top_k": 1}}
    for found in (pipeline.run(asked), asyncio.run(pipeline.run_async(asked))):
        assert [each.meta["number"] for each in found["it"]["documents"]] == [0]
    assert [each.meta["number"] for each in pipeline.run({"it": {"query": "prey is food"}})["it"]["documents"]] == [8]


def test_a_saved_pipeline_finds_the_same(made: Any, near: SearchClient) -> None:
    saved = of(PostingsRetriever(made, LION, 3, {"words": 0.0})).dumps()
    loaded = Pipeline.loads(saved, allowed_modules=TRUSTED)
    assert loaded.dumps() == saved
    (found,) = loaded.run({"it": {"query": "chasing prey"}})["it"]["documents"]
    (hit,) = near.search("chasing prey", 3, filter=LION, words=0, explain=True)
    assert (found.content, found.score) == (hit.text, hit.score)


@pytest.mark.parametrize("trusted", [[], TRUSTED[:1]])
def test_a_pipeline_is_not_loaded_from_modules_without_trust(made: Any, trusted: list[str]) -> None:
    with pytest.raises(DeserializationError, match="allowlist"):
        Pipeline.loads(of(PostingsRetriever(made)).dumps(), allowed_modules=trusted)


def test_a_client_is_not_saved(near: SearchClient) -> None:
    with pytest.raises(InvalidInput, match="pass the retriever a function"):
        PostingsRetriever(near).to_dict()


def test_a_function_is_called_once_however_many_search(made: Any) -> None:
    retriever = PostingsRetriever(made)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(retriever.run, SENTENCES))
    assert all(each["documents"] for each in found)
    assert made_clients.MADE == []


@pytest.mark.parametrize("text", ["", "ünïcode 🦁", "chasing prey"])
def test_embedders_give_the_vectors_of_the_encoder(encoder: Encoder, text: str) -> None:
    query = of(PostingsSparseTextEmbedder())
    for answer in (query.run({"it": {"text": text}}), asyncio.run(query.run_async({"it": {"text": text}}))):
        expected, found = encoder.encode_queries([text])[0], answer["it"]["sparse_embedding"]
        assert (found.indices, found.values) == (expected.indices.tolist(), expected.values.tolist())
    documents = [Document(content=text, meta={"lang": "en"})]
    embedder = of(PostingsSparseDocumentEmbedder())
    asked = {"it": {"documents": documents}}
    for answer in (embedder.run(asked), asyncio.run(embedder.run_async(asked))):
        (document,), expected = answer["it"]["documents"], encoder.encode_documents([text])[0]
        found = document.sparse_embedding
        assert (found.indices, found.values) == (expected.indices.tolist(), expected.values.tolist())
        assert (document.id, document.meta) == (documents[0].id, {"lang": "en"})
    assert documents[0].sparse_embedding is None, "the document that was passed is as it was"


@pytest.mark.parametrize("kind", [PostingsSparseTextEmbedder, PostingsSparseDocumentEmbedder])
def test_a_saved_embedder_has_the_same_model(kind: Any) -> None:
    saved = of(kind(model="tiny", device="cpu")).dumps()
    loaded = Pipeline.loads(saved, allowed_modules=TRUSTED)
    assert loaded.dumps() == saved
    assert (loaded.get_component("it").model, loaded.get_component("it").device) == ("tiny", "cpu")  # type: ignore[attr-defined]


def test_embedders_refuse_what_they_cannot_encode() -> None:
    with pytest.raises(InvalidDocument, match="1 without"):
        PostingsSparseDocumentEmbedder().run([Document(content="text"), Document(meta={"only": "metadata"})])
    assert PostingsSparseDocumentEmbedder().run([]) == {"documents": []}
    with pytest.raises(InvalidQuery):
        PostingsSparseTextEmbedder().run("\ud800")
    with pytest.raises(ModelNotFound):
        PostingsSparseTextEmbedder("no/such/folder").warm_up()
