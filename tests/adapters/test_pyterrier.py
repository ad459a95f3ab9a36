"""PyTerrier: pipelines and experiments with its own parts, and an indexer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyterrier as pt
import pytest

from postings import Encoder, Index, Settings, open_index
from postings.errors import InvalidFilter, InvalidInput, InvalidQuery
from postings_adapters.clients import Client
from postings_adapters.pyterrier import PostingsIndexer, PostingsRetriever
from postings_ingest import Pipeline
from postings_query import AsyncSearchClient, SearchClient
from postings_training.data import load_set
from postings_training.evaluation import measure_collection
from tests.support.beir import ENCYCLOPEDIA
from tests.support.sentences import SENTENCES

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")  # PyTerrier's use of pandas

COLUMNS = ["qid", "query", "docno", "title", "text", "score", "rank"]


def topics(*queries: str, **more: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"qid": [f"q{number}" for number in range(len(queries))], "query": queries, **more})


def test_a_retriever_finds_the_documents_of_the_client_in_their_order(client: Client) -> None:
    found = PostingsRetriever(client, 5)(topics("food", "horses and a number"))
    assert list(found.columns) == COLUMNS
    for id, query in (("q0", "food"), ("q1", "horses and a number")):
        hits = client.search(query, 5, group_by_document=True)
        part = found[found.qid == id]
        assert part[["docno", "title", "text"]].to_numpy().tolist() == [[hit.id, hit.title, hit.text] for hit in hits]
        assert part.score.tolist() == pytest.approx([hit.score for hit in hits], rel=1e-5)
        assert part["rank"].tolist() == list(range(len(hits)))
    assert not found.duplicated(["qid", "docno"]).any()


def test_the_columns_of_queries_stay_and_those_of_an_earlier_search_do_not(near: SearchClient) -> None:
    asked = topics("violin", score=[3.5], query_0=["a fiddle"])
    found = PostingsRetriever(near, 2)(asked)
    assert found.columns.tolist() == ["qid", "query", "query_0", *COLUMNS[2:]]
    assert found.query_0.tolist() == ["a fiddle"] * 2
    assert found.text[0] == SENTENCES[4]


def test_nothing_asked_and_nothing_found_have_all_columns_with_their_types(near: SearchClient) -> None:
    full = PostingsRetriever(near, 2)(topics("violin"))
    for asked in (topics("violin")[:0], topics(" ", "")):
        found = PostingsRetriever(near)(asked)
        assert found.empty
        assert found.columns.tolist() == COLUMNS
        assert found.dtypes[["score", "rank"]].tolist() == full.dtypes[["score", "rank"]].tolist()
    assert pt.inspect.transformer_inputs(PostingsRetriever(near)) == [["qid", "query"]]
    assert pt.inspect.transformer_outputs(PostingsRetriever(near), ["qid", "query"]) == COLUMNS


def test_options_of_the_search_reach_it(near: SearchClient) -> None:
    even = {"must": [{"key": "metadata.owner", "match": {"value": "ann"}}]}
    found = PostingsRetriever(near, 20, filter=even)(topics("a man is eating food"))
    assert set(found.docno) <= {"0", "2", "4", "6", "8", "long"}
    with pytest.raises(InvalidFilter):
        PostingsRetriever(near, filter="ann")(topics("food"))
    with pytest.raises(InvalidQuery):
        PostingsRetriever(near, 0)(topics("food"))


def test_a_retriever_is_a_part_of_pipelines(near: SearchClient) -> None:
    retriever = PostingsRetriever(near, 6)
    asked = topics("food", "a man rides")
    plain = retriever(asked)
    assert (retriever % 2)(asked).docno.tolist() == plain[plain["rank"] < 2].docno.tolist()
    doubled = (retriever + retriever)(asked).sort_values(["qid", "rank"])
    assert doubled.score.tolist() == pytest.approx((2 * plain.score).tolist())
    assert doubled.docno.tolist() == plain.docno.tolist()
    assert ((2 * retriever)(asked)).score.tolist() == pytest.approx((2 * plain.score).tolist())
    assert set((retriever | PostingsRetriever(near, 2))(asked).docno) == set(plain.docno)
    longer = pt.apply.doc_score(lambda row: len(row["text"]))
    reranked = (retriever >> longer)(asked)
    assert (
        reranked[reranked["rank"] == 0].text.str.len().tolist()
        == plain.groupby("qid").text.agg(lambda texts: texts.str.len().max()).tolist()
    )
    rewritten = pt.apply.query(lambda row: "violin") >> retriever
    assert set(rewritten(asked).query("rank == 0").docno) == {"4"}
    features = (retriever >> (pt.Transformer.identity() ** longer))(asked)
    assert features.features.str.get(1).tolist() == plain.text.str.len().tolist()
    assert retriever.search("violin").docno[0] == "4"
    assert retriever([{"qid": "a", "query": "violin"}])[0]["docno"] == "4"


def test_documents_in_place_of_queries_are_refused(near: SearchClient) -> None:
    retriever = PostingsRetriever(near, 2)
    with pytest.raises(pt.validate.InputValidationError):
        retriever(retriever(topics("food")))
    with pytest.raises(pt.validate.InputValidationError):
        retriever(pd.DataFrame({"qid": ["a"]}))
    with pytest.raises(InvalidInput, match="expected texts as queries, got nan"):
        retriever(topics("food", float("nan")))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def articles(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Indexed by the indexer."""
    settings = Settings(index_url=str(tmp_path_factory.mktemp("pyterrier") / "index"))
    corpus = load_set(ENCYCLOPEDIA).corpus
    rows = ({"docno": id, "title": each.title, "text": each.text, "url": None} for id, each in corpus.items())
    with open_index(settings) as index:
        report = PostingsIndexer(Pipeline(encoder, index)).index(rows)
    assert report.indexed == len(corpus)
    return settings


def test_an_experiment_has_the_figures_of_postings_evaluate(encoder: Encoder, articles: Settings) -> None:
    data = load_set(ENCYCLOPEDIA)
    asked = pd.DataFrame(data.judged.queries.items(), columns=["qid", "query"])
    rows = [(query, id, grade) for query, grades in data.judged.judgements.items() for id, grade in grades.items()]
    qrels = pd.DataFrame(rows, columns=["qid", "docno", "label"])
    with open_index(articles) as index:
        retriever = PostingsRetriever(SearchClient(index=index, encoder=encoder), 100, words=0)
        measured = measure_collection(index, encoder, data).quality
        figures = pt.Experiment(
            [retriever, retriever % 1],
            asked,
            qrels,
            [pt.measures.nDCG @ 10, pt.measures.R @ 100, pt.measures.AP @ 100],
            names=["all", "one"],
            plan="tree",
        )
    assert figures.loc[0, ["nDCG@10", "R@100", "AP@100"]].tolist() == pytest.approx(
        [measured.ndcg_at_10, measured.recall_at_100, measured.map_at_100], abs=1e-6
    )
    assert figures["R@100"][1] < figures["R@100"][0]


def test_equal_scores_are_ranked_as_the_search_ranks_them(encoder: Encoder, tmp_path: Path) -> None:
    with open_index(Settings(index_url=str(tmp_path / "index"))) as index:
        PostingsIndexer(Pipeline(encoder, index)).index([{"docno": id, "text": SENTENCES[0]} for id in "cab"])
        found = PostingsRetriever(SearchClient(index=index, encoder=encoder))(topics("food"))
    assert found.docno.tolist() == list("abc")
    qrels = pd.DataFrame({"qid": ["q0"], "docno": ["a"], "label": [1]})
    assert pt.Evaluate(found, qrels, ["recip_rank"])["recip_rank"] == 1


def test_an_indexer_ends_a_pipeline(index: Index, encoder: Encoder, tmp_path: Path) -> None:
    with open_index(Settings(index_url=str(tmp_path / "index"))) as opened:
        indexer = PostingsIndexer(Pipeline(encoder, opened))
        shouting = pt.apply.generic(lambda rows: rows.assign(text=rows.text.str.upper())) >> indexer
        shouting.index([{"docno": "a", "text": "a violin"}])
        assert SearchClient(index=opened, encoder=encoder).search("violin")[0].text == "A VIOLIN"
        assert pt.inspect.indexer_inputs(indexer) == [["docno", "text"]]


def test_documents_that_cannot_be_indexed_are_left_out_and_said(
    encoder: Encoder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_index(Settings(index_url=str(tmp_path / "index"))) as opened:
        indexer = PostingsIndexer(Pipeline(encoder, opened))
        report = indexer.index([{"docno": "a", "text": " "}, {"docno": "b", "text": "a violin", "title": None}])
        assert report.indexed == 1
        assert "document 'a' is left out: " in caplog.text
        with pytest.raises(InvalidInput, match="expected documents with docno and text, got one without 'text'"):
            indexer.index([{"docno": "c"}])


def test_a_client_for_asyncio_is_refused(index: Index) -> None:
    client: Any = AsyncSearchClient(index=index)
    with pytest.raises(InvalidInput, match="AsyncSearchClient is for asyncio: pass SearchClient"):
        PostingsRetriever(client)(topics("food"))


def test_neither_part_starts_java(near: SearchClient) -> None:
    PostingsRetriever(near, 1)(topics("food"))
    assert not pt.java.started()
