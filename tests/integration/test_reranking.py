"""Reranking by a real cross-encoder, small and with random weights, so that its order differs from the search's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import CrossEncoder
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from postings import Document, EdgeIndex, Encoder
from postings.encoder.toolkit import model_folder
from postings.errors import InvalidQuery, ModelNotFound, ModelNotSupported
from postings_ingest import Pipeline
from postings_query import AsyncSearchClient, Reranker, SearchClient, WeightedQuery
from tests.support.sentences import SENTENCES

QUERY = "a man on a horse"


def cross_encoder(folder: Path, labels: int = 1) -> str:
    torch.manual_seed(labels)
    tokenizer = AutoTokenizer.from_pretrained(model_folder("tiny"))
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(tokenizer), num_labels=labels, initializer_range=1.0, **sizes)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return cross_encoder(tmp_path_factory.mktemp("reranker"))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Iterator[EdgeIndex]:
    with EdgeIndex(tmp_path_factory.mktemp("index")) as index:
        Pipeline(encoder, index).run(Document(str(n), text, title="Man") for n, text in enumerate(SENTENCES))
        yield index


@pytest.fixture
def client(index: EdgeIndex, encoder: Encoder) -> SearchClient:
    return SearchClient(index=index, encoder=encoder)


def test_hits_are_in_the_cross_encoders_order_and_keep_the_searchs_score_and_rank(
    client: SearchClient, folder: str
) -> None:
    plain = client.search(QUERY, 20)
    hits = client.search(QUERY, 20, rerank=Reranker.load(folder), explain=True)
    pairs = [(QUERY, f"{hit.title} {hit.text}") for hit in plain]
    expected = CrossEncoder(folder).predict(pairs).tolist()
    assert {hit.id: hit.rerank_score for hit in hits} == pytest.approx(
        {hit.id: score for hit, score in zip(plain, expected, strict=True)}, abs=1e-4
    )
    scores = [hit.rerank_score or 0 for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert [hit.id for hit in hits] != [hit.id for hit in plain]
    for hit in hits:
        before = plain[(hit.search_rank or 0) - 1]
        assert (before.id, before.score, before.rerank_score, before.search_rank) == (hit.id, hit.score, None, None)
        assert sum(part.contribution for part in hit.contributions) == pytest.approx(hit.score, rel=1e-4)


def test_a_query_with_terms_of_its_own_is_reranked_by_its_text(client: SearchClient, folder: str) -> None:
    reranker, terms = Reranker.load(folder), client.terms(QUERY)
    assert client.search(WeightedQuery(QUERY, terms), rerank=reranker) == client.search(QUERY, rerank=reranker)
    other = {hit.id: hit.rerank_score for hit in client.search(WeightedQuery("violin", terms), rerank=reranker)}
    assert other != {hit.id: hit.rerank_score for hit in client.search(QUERY, rerank=reranker)}


def test_only_the_top_is_reranked_and_pages_are_slices_of_one_list(client: SearchClient, folder: str) -> None:
    reranker, plain = Reranker.load(folder), client.search(QUERY, 20)
    whole = client.search(QUERY, 20, rerank=reranker, rerank_top=4)
    assert {hit.id for hit in whole[:4]} == {hit.id for hit in plain[:4]}
    assert [(hit.id, hit.rerank_score, hit.search_rank) for hit in whole[4:]] == [
        (hit.id, None, rank) for rank, hit in enumerate(plain[4:], 5)
    ]
    pages = [client.search(QUERY, 3, offset, rerank=reranker, rerank_top=4) for offset in range(0, 9, 3)]
    assert [hit.id for page in pages for hit in page] == [hit.id for hit in whole]
    assert client.search("zzz", rerank=reranker, filter={"must": [{"key": "doc_id", "match": {"value": "x"}}]}) == []


def test_the_client_for_asyncio_reranks_alike(index: EdgeIndex, encoder: Encoder, folder: str) -> None:
    reranker = Reranker.load(folder)

    async def found() -> list[str]:
        async with AsyncSearchClient(index=index, encoder=encoder) as client:
            return [hit.id for hit in await client.search(QUERY, 5, rerank=reranker)]

    alike = SearchClient(index=index, encoder=encoder).search(QUERY, 5, rerank=reranker)
    assert asyncio.run(found()) == [hit.id for hit in alike]


def test_what_is_no_cross_encoder_with_one_score_is_refused(client: SearchClient, tmp_path: Path, folder: str) -> None:
    with pytest.raises(ModelNotFound):
        Reranker.load(str(tmp_path / "nowhere"))
    with pytest.raises(ModelNotSupported, match="one finite score"):
        client.search(QUERY, rerank=Reranker.load(cross_encoder(tmp_path, labels=3)))
    wrong: list[dict[str, Any]] = [{"rerank": folder}, {"rerank_top": 0}, {"rerank_top": 10_001}, {"rerank_top": "all"}]
    for options in wrong:
        with pytest.raises(InvalidQuery, match="rerank"):
            client.search(QUERY, **options)
