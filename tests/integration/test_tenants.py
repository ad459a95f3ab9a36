"""Tenants from their documents to their hits: written by one process for all, searched by one bound to each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postings import Document, Encoder, Index, Settings, open_index
from postings.errors import ConfigurationError, InvalidDocument
from postings.index.collection_size import collection_size
from postings_ingest import Deletion, Pipeline, delete_documents
from postings_ingest.indexing import Indexer
from postings_ingest.journal import Journal
from postings_ingest.tenants import Tenants
from postings_query import AsyncSearchClient, Hit, SearchClient
from tests.support.examples import examples
from tests.support.indexes import ENGINES, engine, served
from tests.support.tenants import ACME, FIELD, GLOBEX, OPERATOR, filters, part

# The average length of passages is that of all tenants.
SETTINGS = OPERATOR.model_copy(update={"passage_tokens": 8, "passage_overlap": 0, "words_average_length": 5.0})
LONG = " ".join(f"<p>{number}</p>" for number in range(2000))
MARKED = {"must": [{"key": "metadata.html", "match": {"text": "1999"}}]}


def documents(name: str) -> list[Document]:
    """A tenant's documents: the other has some of the same id, with other texts and other metadata."""
    animals = {"acme": ["lion", "cheetah", "tiger"], "globex": ["monkey", "lion", "cheetah", "panther"]}[name]
    unmarked = LONG.replace("1999", "none")
    return [
        Document(
            str(number),
            f"A {animal} hunts. The {animal} runs after its prey.",
            metadata={FIELD: name, "html": LONG if name == "acme" and number else unmarked},
        )
        for number, animal in enumerate(animals)
    ]


@pytest.fixture(params=ENGINES, scope="module")
def indexes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, encoder: Encoder
) -> Iterator[tuple[Index, Index]]:
    """A collection that both tenants share, and one that acme has alone."""
    folder: Path = tmp_path_factory.mktemp("tenants")
    with engine(request.param, folder / "shared") as shared, engine(request.param, folder / "alone") as alone:
        both = [each for pair in zip(documents("acme"), documents("globex"), strict=False) for each in pair]
        report = Pipeline(encoder, shared, SETTINGS).run([*both, documents("globex")[-1]])
        assert (report.indexed, report.duplicates, report.superseded) == (7, 0, 0)
        Pipeline(encoder, alone, SETTINGS.model_copy(update={"tenant_field": None})).run(documents("acme"))
        yield shared, alone


QUERY = "which animal hunts its prey"
OPTIONS: list[dict[str, Any]] = [
    {},
    {"limit": 2, "offset": 1},
    {"group_by_document": True},
    {"explain": True, "filter": MARKED},
    {"filter": {"must_not": [{"key": "metadata.customer", "match": {"value": "acme"}}]}},
    {"filter": {"should": [{"key": "tenant", "match": {"value": "globex"}}]}},
    {"score_threshold": 0.5, "group_by_document": True, "filter": MARKED, "limit": 100},
]


def told(hits: list[Hit]) -> list[tuple[Any, ...]]:
    """What hits say, without what depends on the batch that a text was encoded in: time, and a score's last digits."""
    return sorted(
        (
            hit.id,
            hit.ordinal,
            round(hit.score, 3),
            hit.text,
            hit.metadata["html"],
            {(each.token, each.evidence) for each in hit.contributions},
        )
        for hit in hits
    )


@pytest.mark.parametrize("options", OPTIONS)
def test_a_bound_client_finds_what_it_would_alone(
    indexes: tuple[Index, Index], encoder: Encoder, options: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    shared, alone = indexes
    if "memory" in request.node.callspec.id:
        options = {**options, "words": 0}  # qdrant-client's memory counts the words of all tenants
    with SearchClient(index=alone, encoder=encoder) as client:
        expected = client.search(QUERY, **options)
    with SearchClient(index=shared, encoder=encoder, settings=OPERATOR, tenant="acme") as client:
        found = client.search(QUERY, **options)
    if "offset" in options:  # equal scores are in the order of the stored ids
        assert [round(hit.score, 3) for hit in found] == [round(hit.score, 3) for hit in expected]
    else:
        assert told(found) == told(expected)
    assert all(hit.metadata[FIELD] == "acme" for hit in found)

    async def search() -> list[Hit]:
        async with AsyncSearchClient(index=shared, encoder=encoder, settings=OPERATOR, tenant="acme") as client:
            return await client.search(QUERY, **options)

    assert asyncio.run(search()) == found


@settings(max_examples=examples(15), deadline=None)
@given(
    filter=st.none() | filters() | st.builds(lambda other: {"should": [other], **MARKED}, filters()),
    limit=st.integers(1, 20),
    offset=st.integers(0, 5),
    group_by_document=st.booleans(),
    explain=st.booleans(),
)
def test_no_search_shows_a_document_of_another(
    indexes: tuple[Index, Index], encoder: Encoder, filter: dict[str, Any] | None, **options: Any
) -> None:
    own = {(document.id, document.text, document.metadata["html"]) for document in documents("acme")}
    with SearchClient(index=indexes[0], encoder=encoder, settings=OPERATOR, tenant="acme") as client:
        for hit in client.search(QUERY, filter=filter, **options):
            (of,) = (text for id, text, html in own if (id, html) == (hit.id, hit.metadata["html"]))
            assert (hit.metadata[FIELD], hit.text) == ("acme", of[hit.start : hit.end])


@pytest.mark.parametrize("name", ["rest", "grpc"])
def test_a_client_for_asyncio_on_a_server_is_bound_by_its_settings(name: str, encoder: Encoder) -> None:
    with served(name, f"tenants-{name}") as where:
        operator = where.model_copy(update={"tenant_field": FIELD, "passage_tokens": 8, "passage_overlap": 0})
        bound = operator.model_copy(update={"tenant": "acme"})
        with open_index(operator) as index:
            Pipeline(encoder, index, operator).run([*documents("acme"), *documents("globex")])
        with SearchClient(encoder=encoder, settings=bound) as client:
            expected = client.search(QUERY, filter=MARKED, limit=3, explain=True)

        async def search() -> list[Hit]:
            async with AsyncSearchClient(encoder=encoder, settings=bound) as client:
                assert (
                    await client.search(QUERY, filter={"should": [{"key": "tenant", "match": {"value": "globex"}}]})
                    == []
                )
                return await client.search(QUERY, filter=MARKED, limit=3, explain=True)

        assert asyncio.run(search()) == expected
        assert {hit.metadata[FIELD] for hit in expected} == {"acme"}


def test_an_operator_finds_the_documents_of_all(indexes: tuple[Index, Index], encoder: Encoder) -> None:
    shared, _ = indexes
    with SearchClient(index=shared, encoder=encoder) as client:
        hits = client.search(QUERY, limit=100, group_by_document=True)
        assert sorted((hit.metadata[FIELD], hit.id) for hit in hits) == [
            *(("acme", str(number)) for number in range(3)),
            *(("globex", str(number)) for number in range(4)),
        ]
        passages = client.search(QUERY, limit=100)
        assert all(len(hit.metadata["html"]) > 10_000 for hit in passages), "each with the head of its own document"
        marked = client.search(QUERY, filter=MARKED, limit=100)
        assert {hit.metadata[FIELD] for hit in marked} == {"acme"}
        assert len(marked) == sum(hit.metadata[FIELD] == "acme" and hit.id != "0" for hit in passages)


def test_documents_are_written_again_for_their_own_tenant_only(tmp_path: Path, encoder: Encoder) -> None:
    with engine("edge", tmp_path) as index:
        pipeline = Pipeline(encoder, index, SETTINGS)
        assert pipeline.run([*documents("acme"), *documents("globex")]).unchanged == 0
        assert pipeline.run([*documents("acme"), *documents("globex")]).unchanged == 7
        indexer = Indexer(encoder, index, SETTINGS)
        same_id = [
            Deletion("0", 2**50, "acme"),
            Document("0", "A rabbit eats.", metadata={FIELD: "globex"}, version=2**50),
        ]
        indexer.write(indexer.encode(same_id))
        assert collection_size(part(index, ACME)).documents == 2
        assert [hit.payload["text"] for hit in part(index, GLOBEX).scroll() if hit.payload["doc_id"] == "0"] == [
            "A rabbit eats."
        ]
        assert delete_documents(part(index, GLOBEX), ["1", "2", "9"]) == ["1", "2"]
        assert (collection_size(part(index, ACME)).documents, collection_size(index).documents) == (2, 4)
        points = index.count()
        with pytest.raises(ConfigurationError, match="set POSTINGS_TENANT_FIELD"):
            delete_documents(index, ["1"])
        assert index.count() == points, "a tombstone that belongs to no tenant would stay"


def test_a_document_without_its_tenant_is_refused_and_those_before_it_are_kept(
    tmp_path: Path, encoder: Encoder
) -> None:
    named: list[Any] = [None, 7, "", " ", "acme ", "\tacme", ["acme"], "a" * 257]
    nobodys: list[dict[str, Any]] = [{}, *({FIELD: each} for each in named)]
    with engine("edge", tmp_path) as index:
        for number, metadata in enumerate(nobodys):
            source = iter(
                [
                    Document(f"before {number}", "A man eats.", metadata={FIELD: "acme"}),
                    Document("x", "A man.", metadata=metadata),
                ]
            )
            with pytest.raises(InvalidDocument, match=r"metadata\.customer"):
                Pipeline(encoder, index, SETTINGS).run(source)
        assert collection_size(part(index, ACME)).documents == len(nobodys)
        with pytest.raises(InvalidDocument, match="'tenant' of the delete"):
            Indexer(encoder, index, SETTINGS).encode([Deletion("1")])


def test_a_bound_pipeline_names_its_tenant_and_refuses_others(tmp_path: Path, encoder: Encoder) -> None:
    bound = SETTINGS.model_copy(update={"tenant": "acme"})
    with engine("edge", tmp_path) as index:
        pipeline = Pipeline(encoder, index, bound)
        twice = [
            Document("1", "A man eats.", version=1),
            Document("1", "A man eats.", metadata={FIELD: "acme"}, version=1),
        ]
        report = pipeline.run(twice)
        assert (report.documents, report.indexed, report.duplicates) == (2, 1, 1)
        with pytest.raises(InvalidDocument, match="bound to 'acme'"):
            pipeline.run([Document("2", "A man eats.", metadata={FIELD: "globex"})])
        assert [each.payload["metadata"] for each in index.scroll()] == [{FIELD: "acme"}]
        with pytest.raises(ConfigurationError, match="bound to 'globex'"):
            Pipeline(encoder, part(index, GLOBEX), bound)


def test_a_journal_takes_equal_ids_of_two_tenants_for_two_documents() -> None:
    both = [Document("1", "A man eats.", metadata={FIELD: name}) for name in ("acme", "globex", "acme")]
    with Journal(Tenants(FIELD)) as journal:
        assert list(journal.find_duplicates(both)) == both
        assert [(each.first, each.again) for each in journal.duplicated()] == [("document 1", "document 3")]


def test_a_client_is_bound_once() -> None:
    with pytest.raises(ConfigurationError, match="POSTINGS_TENANT_FIELD"):
        SearchClient(tenant="acme", settings=Settings())
    with pytest.raises(ConfigurationError, match="bound to tenant 'globex'"):
        SearchClient(tenant="acme", settings=OPERATOR.model_copy(update={"tenant": "globex"}))
