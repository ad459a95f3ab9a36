"""A tenant's documents are read, exported and deleted alone; collections as a whole are for who works for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Document, Encoder, Index
from postings.collections import Collections
from postings.errors import ConfigurationError
from postings.index.collection_size import collection_size
from postings.indexed_documents import export_documents, get_document
from postings_ingest import Pipeline
from postings_ingest.deletion import delete_matching
from tests.support.indexes import ENGINES, engine
from tests.support.tenants import ACME, FIELD, GLOBEX, OPERATOR, everything, part

SETTINGS = OPERATOR.model_copy(update={"passage_tokens": 8, "passage_overlap": 0})
DOCUMENTS = [
    Document(id, f"A lion of {name} hunts. A tiger of {name} runs, and sleeps.", metadata={FIELD: name}, version=1)
    for name in ("acme", "globex")
    for id in "123"
]
ALL = {"must": [{"key": "passages", "range": {"gte": 1}}]}


@pytest.fixture(params=ENGINES)
def shared(request: pytest.FixtureRequest, tmp_path: Path, encoder: Encoder) -> Iterator[Index]:
    with engine(request.param, tmp_path) as index:
        Pipeline(encoder, index, SETTINGS).run(DOCUMENTS)
        yield index


def test_an_export_has_the_documents_of_its_tenant_or_of_all(shared: Index, encoder: Encoder, tmp_path: Path) -> None:
    def exported(index: Index) -> list[Document]:
        return sorted(
            (each.document for each in export_documents(index)), key=lambda each: (each.metadata[FIELD], each.id)
        )

    assert exported(part(shared, ACME)) == DOCUMENTS[:3]
    assert exported(part(shared, GLOBEX)) == DOCUMENTS[3:]
    assert exported(shared) == DOCUMENTS
    with engine("edge", tmp_path / "again") as index:
        Pipeline(encoder, index, SETTINGS).run(exported(shared))
        assert [each.id for each in everything(index)] == [each.id for each in everything(shared)]
    found = get_document(part(shared, GLOBEX), "2")
    assert found is not None
    assert found.document == DOCUMENTS[4]
    assert get_document(shared, "2") is None, "an id alone names no tenant's document"


def test_a_delete_by_filter_is_of_its_tenant_alone(shared: Index) -> None:
    others = everything(part(shared, GLOBEX))
    with pytest.raises(ConfigurationError, match="set POSTINGS_TENANT_FIELD"):
        delete_matching(shared, ALL)
    assert collection_size(shared).tombstones == 0
    assert delete_matching(part(shared, ACME), ALL).deleted == 3
    assert collection_size(part(shared, ACME)).documents == 0
    assert everything(part(shared, GLOBEX)) == others


def test_collections_and_snapshots_are_not_a_tenants(shared: Index, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unset POSTINGS_TENANT"):
        part(shared, ACME).snapshot(tmp_path / "x.snapshot")
    assert not (tmp_path / "x.snapshot").exists()
    with pytest.raises(ConfigurationError, match="unset POSTINGS_TENANT"):
        Collections(OPERATOR.model_copy(update={"tenant": "acme"}))
