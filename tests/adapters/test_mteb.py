"""MTEB measures models and collections, and has the figures of ``postings evaluate``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import mteb
import pytest
from mteb.models import EncoderProtocol, SearchProtocol

from postings import Document, Encoder, Index, Settings, SparseVector, open_index
from postings.errors import InvalidInput
from postings_adapters.mteb import PostingsCollection, PostingsModel
from postings_ingest import Pipeline
from postings_query import ApiClient, AsyncSearchClient, SearchClient
from postings_training.data import BeirSet, CorpusText, JudgedQueries, load_set
from postings_training.evaluation import Measured, measure_collection, measure_model
from tests.adapters.mteb_tasks import Local
from tests.support.beir import ENCYCLOPEDIA
from tests.support.needed import shared
from tests.support.sentences import SENTENCES


def scores(model: Any, task: Local) -> dict[str, float]:
    results = mteb.evaluate(model, task, cache=None, show_progress_bar=False, co2_tracker=False)
    (found,) = results.task_results[0].scores["test"]
    return dict(found)


def same(found: dict[str, float], measured: Measured, tolerance: float = 2e-5) -> None:
    for name in ("ndcg_at_10", "recall_at_100"):
        assert found[name] == pytest.approx(getattr(measured.quality, name), abs=tolerance)


def collection(data: BeirSet, encoder: Encoder, folder: Path) -> Settings:
    settings = Settings(index_url=str(folder / "index"))
    with open_index(settings) as index:
        Pipeline(encoder, index).run(Document(id, text, title) for id, (title, text) in data.corpus.items() if text)
    return settings


@pytest.fixture(scope="module")
def data() -> BeirSet:
    return load_set(ENCYCLOPEDIA)


@pytest.fixture(scope="module")
def articles(data: BeirSet, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return collection(data, encoder, tmp_path_factory.mktemp("articles"))


def test_a_model_has_the_figures_of_postings_evaluate(data: BeirSet, encoder: Encoder) -> None:
    same(scores(PostingsModel(encoder), Local(data)), measure_model(encoder, data))


def test_a_collection_has_the_figures_of_postings_evaluate(data: BeirSet, encoder: Encoder, articles: Settings) -> None:
    with open_index(articles) as index:
        client = SearchClient(index=index, encoder=encoder)
        found = scores(PostingsCollection(client, "articles", words=0), Local(data))
        same(found, measure_collection(index, encoder, data))


class Remembering:
    """An encoder that encodes each document once, though two measure it: a minute of a test."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, SparseVector] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_documents(self, texts: list[str]) -> list[SparseVector]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._encoder.encode_documents(new), strict=True))
        return [self._known[text] for text in texts]


def test_nfcorpus_with_its_equal_scores_has_the_same_figures(encoder: Encoder) -> None:
    data = load_set(shared("data/beir/nfcorpus"))
    remembering: Any = Remembering(encoder)
    same(scores(PostingsModel(remembering), Local(data)), measure_model(remembering, data), 1e-4)


def test_equal_scores_have_one_order_there_and_here(encoder: Encoder, tmp_path: Path) -> None:
    corpus = {id: CorpusText("", SENTENCES[0]) for id in "abc"}
    data = BeirSet("ties", corpus, JudgedQueries({"q": "food"}, {"q": {"a": 1}}))
    assert scores(PostingsModel(encoder), Local(data))["ndcg_at_10"] == measure_model(encoder, data).quality.ndcg_at_10
    with open_index(collection(data, encoder, tmp_path)) as index:
        found = PostingsCollection(SearchClient(index=index, encoder=encoder), "ties")
        assert scores(found, Local(data))["ndcg_at_10"] == 1


def test_a_client_over_http_is_measured_too(url: str, encoder: Encoder, filled_settings: Settings) -> None:
    from tests.adapters.conftest import KEYS

    corpus = {str(number): CorpusText("", text) for number, text in enumerate(SENTENCES)}
    data = BeirSet("s", corpus, JudgedQueries({"q": "violin", "r": "chasing prey"}, {"q": {"4": 1}, "r": {"8": 1}}))
    with ApiClient(url, key=KEYS[None]) as client:
        assert scores(PostingsCollection(client, "sentences"), Local(data))["ndcg_at_10"] == 1


def test_a_task_that_reranks_scores_the_documents_that_it_names_and_no_other(data: BeirSet, encoder: Encoder) -> None:
    ids = list(data.corpus)[:5]
    model = PostingsModel(encoder)
    task = Local(data, top_ranked=dict.fromkeys(data.judged.queries, ids))
    task.load_data()
    split = task.dataset["default"]["test"]
    model.index(split["corpus"])
    found = model.search(split["queries"], top_k=3, top_ranked=split["top_ranked"])
    vectors = dict(
        zip(data.corpus, encoder.encode_documents([each.whole for each in data.corpus.values()]), strict=True)
    )
    for (query_id, text), (asked,) in zip(
        data.judged.queries.items(),
        ([each] for each in encoder.encode_queries(list(data.judged.queries.values()))),
        strict=True,
    ):
        assert found[query_id] == pytest.approx({id: asked.dot(vectors[id]) for id in ids}, rel=1e-5), text


def test_a_collection_does_not_rerank(data: BeirSet, near: SearchClient) -> None:
    task = Local(data, top_ranked={id: list(data.corpus)[:5] for id in data.judged.queries})
    with pytest.raises(InvalidInput, match="measure tasks that rerank with PostingsModel"):
        scores(PostingsCollection(near, "articles"), task)


def test_another_collection_is_noticed(data: BeirSet, near: SearchClient) -> None:
    with pytest.raises(InvalidInput, match="nothing that was found is among the 96 documents: ingest them first"):
        scores(PostingsCollection(near, "articles"), Local(data))


def test_an_instruction_is_a_part_of_the_query_and_what_is_no_text_is_refused(data: BeirSet, encoder: Encoder) -> None:
    own = scores(PostingsModel(encoder), Local(data, instruction=["about a king"] * len(data.judged.queries)))
    queries = {id: f"{text} about a king" for id, text in data.judged.queries.items()}
    told = replace(data, judged=JudgedQueries(queries, data.judged.judgements))
    assert own["ndcg_at_10"] == scores(PostingsModel(encoder), Local(told))["ndcg_at_10"]
    with pytest.raises(InvalidInput, match="expected texts, got id, image for 'a'"):
        PostingsModel(encoder).index([{"id": "a", "image": 5}])


def test_a_blank_query_finds_nothing(near: SearchClient, encoder: Encoder) -> None:
    corpus = {str(number): CorpusText("", text) for number, text in enumerate(SENTENCES)}
    data = BeirSet("s", corpus, JudgedQueries({"q": " ", "r": "chasing prey"}, {"q": {"4": 1}, "r": {"8": 1}}))
    assert scores(PostingsCollection(near, "sentences"), Local(data))["ndcg_at_10"] == 0.5
    assert scores(PostingsModel(encoder), Local(data))["ndcg_at_10"] >= 0.5


def test_results_are_filed_by_model_and_revision(near: SearchClient, encoder: Encoder) -> None:
    meta = PostingsModel(encoder).mteb_model_meta
    assert (meta.name, meta.revision) == ("postings/tiny", encoder.fingerprint)
    first, second = (PostingsCollection(near, "owner/articles").mteb_model_meta for _ in range(2))
    assert first.name == second.name == "owner/articles"
    assert first.revision != second.revision


def test_both_are_searches_to_mteb(near: SearchClient, encoder: Encoder) -> None:
    for model in (PostingsModel(encoder), PostingsCollection(near, "articles")):
        assert isinstance(model, SearchProtocol)
        assert not isinstance(model, EncoderProtocol)


def test_a_client_for_asyncio_is_refused(data: BeirSet, index: Index, encoder: Encoder) -> None:
    client: Any = AsyncSearchClient(index=index, encoder=encoder)
    with pytest.raises(InvalidInput, match="AsyncSearchClient is for asyncio: pass SearchClient"):
        scores(PostingsCollection(client, "articles"), Local(data))
