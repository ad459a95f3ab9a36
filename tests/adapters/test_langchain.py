"""LangChain: its own tests of retrievers, chains, and ``QdrantVectorStore`` with our encoder."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.runnables import RunnableLambda
from langchain_qdrant import QdrantVectorStore, RetrievalMode
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError
from qdrant_client import QdrantClient, models

from postings import Encoder
from postings.errors import InvalidInput
from postings_adapters.langchain import PostingsRetriever, PostingsSparseEmbeddings
from postings_query import SearchClient
from tests.support.sentences import SENTENCES


class TestStandard(RetrieversIntegrationTests):
    """The tests that LangChain gives to all retrievers."""

    @pytest.fixture(autouse=True)
    def _client(self, near: SearchClient) -> None:
        self.client = near

    @property
    def retriever_constructor(self) -> type[PostingsRetriever]:
        return PostingsRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"client": self.client}

    @property
    def retriever_query_example(self) -> str:
        return "a man is eating food"


def test_options_of_one_call_come_before_those_of_the_retriever(near: SearchClient) -> None:
    lion, food = ({"must": [{"key": "metadata.number", "match": {"value": number}}]} for number in (8, 0))
    retriever = PostingsRetriever(client=near, k=5, search_kwargs={"filter": lion})
    assert [each.metadata["number"] for each in retriever.invoke("prey is food")] == [8]
    assert [each.metadata["number"] for each in retriever.invoke("prey is food", k=1, filter=food)] == [0]
    assert [each.metadata["number"] for each in asyncio.run(retriever.ainvoke("prey is food", k=1, filter=food))] == [0]


def test_a_retriever_is_a_part_of_chains(near: SearchClient) -> None:
    retriever = PostingsRetriever(client=near, k=2)
    chain = retriever | RunnableLambda(lambda documents: [each.page_content for each in documents])
    assert chain.batch(SENTENCES) == [[hit.text for hit in near.search(text, 2)] for text in SENTENCES]


def test_what_cannot_search_is_no_client() -> None:
    with pytest.raises(ValidationError, match="client"):
        PostingsRetriever(client="http://localhost:8000")  # type: ignore[arg-type]


def store(encoder: Encoder, **options: Any) -> QdrantVectorStore:
    client = QdrantClient(":memory:")
    hybrid = options.get("retrieval_mode") == RetrievalMode.HYBRID
    client.create_collection(
        "notes",
        vectors_config={"": models.VectorParams(size=8, distance=models.Distance.COSINE)} if hybrid else {},
        sparse_vectors_config={"langchain-sparse": models.SparseVectorParams()},
    )
    embeddings = PostingsSparseEmbeddings(encoder)
    filled = QdrantVectorStore(client, "notes", sparse_embedding=embeddings, **options)
    filled.add_documents([Document(text) for text in SENTENCES])
    return filled


def test_a_sparse_vector_store_scores_as_the_model_does(encoder: Encoder) -> None:
    filled = store(encoder, retrieval_mode=RetrievalMode.SPARSE)
    vectors = encoder.encode_documents(SENTENCES)
    for query in ("chasing prey", "food", "a woman plays violin"):
        (asked,) = encoder.encode_queries([query])
        scores = np.array([asked.dot(vector) for vector in vectors])
        best = [number for number in np.argsort(-scores)[:3] if scores[number] > 0]
        found = filled.similarity_search_with_score(query, k=3)
        assert [each.page_content for each, _ in found] == [SENTENCES[number] for number in best]
        assert [score for _, score in found] == pytest.approx(scores[best].tolist(), rel=1e-5)


def test_a_hybrid_vector_store_has_both(encoder: Encoder) -> None:
    dense = DeterministicFakeEmbedding(size=8)
    filled = store(encoder, retrieval_mode=RetrievalMode.HYBRID, embedding=dense)
    assert filled.similarity_search("chasing prey", k=9)
    assert len(filled.similarity_search(SENTENCES[0], k=1)) == 1


@pytest.mark.parametrize("text", ["", "ünïcode 🦁", "a" * 20_000])
def test_embeddings_are_the_vectors_of_the_encoder(encoder: Encoder, text: str) -> None:
    embeddings = PostingsSparseEmbeddings(encoder)
    (document,), (query,) = encoder.encode_documents([text]), encoder.encode_queries([text])
    for found, vector in (
        (embeddings.embed_documents([text])[0], document),
        (embeddings.embed_query(text), query),
        (asyncio.run(embeddings.aembed_documents([text]))[0], document),
        (asyncio.run(embeddings.aembed_query(text)), query),
    ):
        assert (found.indices, found.values) == (vector.indices.tolist(), vector.values.tolist())
    assert embeddings.embed_documents([]) == []
    with pytest.raises(InvalidInput):
        embeddings.embed_query("\ud800")
