"""LlamaIndex: nodes, query engines, and sparse embeddings."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, NodeRelationship, QueryBundle

from postings import Encoder
from postings.errors import InvalidInput
from postings_adapters.llama_index import PostingsRetriever, PostingsSparseEmbedding
from postings_query import SearchClient
from tests.support.sentences import SENTENCES


def test_a_node_says_where_it_is_in_its_document(near: SearchClient) -> None:
    for found, hit in zip(PostingsRetriever(near, 50).retrieve("lion"), near.search("lion", 50), strict=True):
        node = found.node
        assert (node.start_char_idx, node.end_char_idx) == (hit.start, hit.end)  # type: ignore[attr-defined]
        assert node.relationships[NodeRelationship.SOURCE].node_id == hit.id  # type: ignore[union-attr]


def test_neither_models_nor_embeddings_are_shown_contributions(near: SearchClient) -> None:
    (found,) = PostingsRetriever(near, 1).retrieve("violin")
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        shown = found.node.get_content(mode)
        assert "contribution" not in shown
        assert found.node.metadata["owner"] in shown


def test_a_query_engine_answers_from_what_was_found(near: SearchClient) -> None:
    engine = RetrieverQueryEngine.from_args(PostingsRetriever(near, 2), llm=MockLLM())
    answers = [engine.query("chasing prey"), asyncio.run(engine.aquery("chasing prey"))]
    for answer in answers:
        assert [each.text for each in answer.source_nodes] == [hit.text for hit in near.search("chasing prey", 2)]
        assert SENTENCES[8] in str(answer)


def test_a_bundle_is_searched_by_its_text(near: SearchClient) -> None:
    bundle = QueryBundle("violin", custom_embedding_strs=["something else"])
    assert PostingsRetriever(near, 1).retrieve(bundle)[0].text == near.search("violin", 1)[0].text


@pytest.mark.parametrize("text", ["", "ünïcode 🦁", "chasing prey"])
def test_embeddings_are_the_vectors_of_the_encoder(encoder: Encoder, text: str) -> None:
    model = PostingsSparseEmbedding(encoder, embed_batch_size=2)
    (document,), (query,) = encoder.encode_documents([text]), encoder.encode_queries([text])
    expected = dict(zip(document.indices.tolist(), document.values.tolist(), strict=True))
    assert model.get_text_embedding(text) == asyncio.run(model.aget_text_embedding(text)) == expected
    assert model.get_text_embedding_batch([text] * 5) == [expected] * 5
    assert asyncio.run(model.aget_text_embedding_batch([text] * 5)) == [expected] * 5
    asked = dict(zip(query.indices.tolist(), query.values.tolist(), strict=True))
    assert model.get_query_embedding(text) == asyncio.run(model.aget_query_embedding(text)) == asked
    with pytest.raises(InvalidInput):
        model.get_text_embedding("\ud800")


def test_an_embedding_model_is_described_without_its_weights(encoder: Encoder) -> None:
    described = PostingsSparseEmbedding(encoder).model_dump()
    assert described["model_name"] == "tiny"
    assert "encoder" not in described
