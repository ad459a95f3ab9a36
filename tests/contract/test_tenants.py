"""Tenants that share a collection: each sees what it would alone, whatever it asks for, and changes nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postings import Document, Encoder, Index, Settings, SparseVector
from postings.documents import point_id
from postings.errors import ConfigurationError, InvalidDocument, PostingsError
from postings.index import Point, SearchRequest, open_index
from postings.index.collection_size import collection_size
from postings.index.payload import REVISION_FIELDS, tombstone_point, unchanged_since
from postings.index.protocol import WordQuery
from postings.words import WORDS, WordsConfig
from postings.write_protocol import Revision, sweep_tombstones, write
from postings_ingest import Deletion
from postings_ingest.operations import Operation
from tests.contract.test_unchanged import SETTINGS, TEXTS, Revisions
from tests.support.examples import examples
from tests.support.indexes import ENGINES, MODEL, PROXY, engine, point
from tests.support.interleaving import try_interleavings
from tests.support.tenants import ACME, FIELD, GLOBEX, IDS, OPERATOR, any_ids, everything, filters, part

ALL = {"must": [{"key": "version", "range": {"gte": 0}}]}
VECTOR = SparseVector([1], [1.0])


def weight(id: str) -> SparseVector:
    """A vector with a weight of its own, so that no two points have one score."""
    return SparseVector([1], [1 + uuid.UUID(id).int % 100_003 / 100])


def stock(index: Index, name: str) -> None:
    """Documents of a tenant: most ids are the other's too, with other content."""
    parts = [{"of": name}]
    ids = IDS[:4] if name == "acme" else IDS[1:]
    index.upsert(
        [
            point(id, weight(point_id(id, n)), ordinal=n, version=1 + at % 3, passages=2, n=at, parts=parts)
            for at, id in enumerate(ids)
            for n in range(2)
        ]
    )
    index.upsert([tombstone_point(f"gone from {name}", 3, 5)])


class Plain:
    """An index of its own with the same points as acme, under their own ids: what acme must see."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def upsert(self, points: list[Point], keep_newer: bool = False) -> None:
        self._index.upsert([replace(ACME.point(each), id=each.id) for each in points], keep_newer=keep_newer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


@pytest.fixture(params=[*ENGINES, PROXY], scope="module")
def indexes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Any]]:
    """A collection that both tenants share, and one that acme has alone."""
    folder: Path = tmp_path_factory.mktemp("tenants")
    with engine(request.param, folder / "shared") as shared, engine(request.param, folder / "alone") as alone:
        for index in (shared, alone):
            index.ensure(MODEL, "tiny")
        yield shared, Plain(alone)


def request(draw: st.DrawFn) -> SearchRequest:
    return SearchRequest(
        VECTOR,
        MODEL,
        limit=draw(st.integers(1, 12)),
        offset=draw(st.integers(0, 4)),
        filter=draw(st.none() | filters()),
        with_vector=draw(st.booleans()),
    )


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """A call of an index: its name, its arguments and its options."""
    fields = draw(
        st.none() | st.lists(st.sampled_from(["doc_id", "text", "tenant", "metadata"]), min_size=1, max_size=3)
    )
    reading = {"fields": fields, "vectors": draw(st.sampled_from([[], [MODEL]]))}
    match draw(st.sampled_from(["search", "retrieve", "page", "count", "info", "delete", "upsert", "update_vectors"])):
        case "search":
            return "search_batch", ([request(draw) for _ in range(draw(st.integers(1, 2)))],), {}
        case "retrieve":
            return "retrieve", (draw(st.lists(any_ids, max_size=6)),), reading
        case "page":
            return "page", (draw(st.none() | filters()),), {**reading, "offset": draw(st.none() | any_ids)}
        case "count":
            return "count", (draw(st.none() | filters()),), {}
        case "delete":
            return "delete", (draw(filters()),), {}
        case "upsert":
            id, version = draw(st.sampled_from(IDS)), draw(st.integers(1, 4))
            written = point(id, weight(point_id(id, 0)), version=version)
            return "upsert", ([written],), {"keep_newer": draw(st.booleans())}
        case "update_vectors":
            ids = draw(st.lists(any_ids, max_size=4))
            points = [Point(id, {}, {MODEL: weight(str(uuid.uuid5(uuid.UUID(id), "again")))}) for id in ids]
            return "update_vectors", (points, draw(filters())), {}
    return "info", (), {}


def answer(index: Index, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What a call gives; points of a page in the order of the ids that it gives."""
    try:
        found = getattr(index, name)(*arguments, **options)
    except PostingsError as error:
        return type(error)
    match name:
        case "info":
            return found.points, found.approximate
        case "page":
            return sorted(map(seen, found[0]), key=lambda each: each.id)
        case "retrieve":
            return list(map(seen, found))
        case "search_batch":
            return [list(map(seen, each)) for each in found]
    return found


def seen(found: Point) -> Point:
    return replace(found, payload={name: value for name, value in found.payload.items() if name != "tenant"})


@settings(max_examples=examples(15), deadline=None)
@given(made=st.lists(calls(), min_size=1, max_size=6))
def test_a_tenant_sees_what_it_would_alone_and_changes_nothing_of_another(
    indexes: tuple[Index, Any], made: list[tuple[str, tuple[Any, ...], dict[str, Any]]]
) -> None:
    shared, alone = indexes
    acme, globex = part(shared, ACME), part(shared, GLOBEX)
    for index in indexes:
        index.delete(ALL)
    for index in (acme, alone):
        stock(index, "acme")
    stock(globex, "globex")
    others = everything(globex)
    for name, arguments, options in made:
        found = answer(acme, name, arguments, options)
        if options.get("offset") and not isinstance(found, type):
            # Pages are in the order of the stored ids.
            expected = answer(alone, name, arguments, {**options, "offset": None})
            assert all(each in expected for each in found)
        else:
            assert found == answer(alone, name, arguments, options)
        assert everything(globex) == others
    assert everything(acme) == list(map(seen, everything(alone)))
    assert shared.count() == len(others) + alone.count()


def test_pages_start_where_the_one_before_ended(index: Index) -> None:
    acme = part(index, ACME)
    acme.upsert([point(str(number)) for number in range(300)])
    part(index, GLOBEX).upsert([point(str(number)) for number in range(300)])
    assert sorted(each.payload["doc_id"] for each in acme.scroll()) == sorted(map(str, range(300)))
    some, following = acme.page()
    more, end = acme.page(offset=following)
    assert (len(some), len(more), end) == (256, 44, None)


def test_documents_of_one_id_are_two_documents(index: Index) -> None:
    acme, globex = part(index, ACME), part(index, GLOBEX)
    write(acme, [Revision("1", 1, (point("1", version=1),))])
    write(globex, [Revision("1", 7, (point("1", version=7),))])
    write(acme, [Revision.deletion("1", 2, now=0)])
    assert [each.payload["version"] for each in globex.scroll()] == [7]
    assert [hit.payload["version"] for hit in globex.search(SearchRequest(VECTOR, MODEL))] == [7]
    assert acme.search(SearchRequest(VECTOR, MODEL)) == []
    (stored,) = globex.retrieve([point_id("1", 0)])
    assert (stored.payload["metadata"], "tenant" in stored.payload) == ({FIELD: "globex"}, False)
    assert collection_size(globex).documents == 1
    assert (collection_size(acme).documents, collection_size(acme).tombstones) == (0, 1)
    assert (collection_size(index).documents, collection_size(index).tombstones) == (1, 1)
    assert (acme.info().points, index.info().points) == (1, 2)
    sweep_tombstones(globex, 1)
    assert acme.count() == 1
    sweep_tombstones(index, 1)
    assert (acme.count(), globex.count()) == (0, 1)


def test_vectors_are_set_on_the_tenants_points_that_match(index: Index) -> None:
    acme, globex = part(index, ACME), part(index, GLOBEX)
    for each in (acme, globex):
        each.upsert([point("1"), point("2", version=2)])
    found = list(acme.scroll(fields=REVISION_FIELDS))
    same = [each for each in found if each.payload["version"] == 1]
    acme.update_vectors(
        [Point(each.id, {}, {MODEL: SparseVector([9], [9.0])}) for each in found], unchanged_since(same)
    )
    vectors = {each.id: each.vectors[MODEL] for each in acme.scroll(vectors=[MODEL])}
    assert vectors == {point_id("1", 0): SparseVector([9], [9.0]), point_id("2", 0): VECTOR}
    assert all(each.vectors[MODEL] == VECTOR for each in globex.scroll(vectors=[MODEL]))


def test_a_point_of_another_tenant_is_refused(index: Index) -> None:
    for metadata in ({FIELD: "globex"}, {FIELD: ["acme", "globex"]}, {FIELD: None}):
        with pytest.raises(InvalidDocument, match="not to 'acme'"):
            part(index, ACME).upsert([point("0"), point("1", **metadata)])
    stolen = point("1")
    with pytest.raises(InvalidDocument, match="not to 'acme'"):
        part(index, ACME).upsert([replace(stolen, payload={**stolen.payload, "tenant": "globex"})])
    assert index.count() == 0


def test_a_point_that_was_stored_under_a_tenants_id_by_mistake_is_not_shown(index: Index) -> None:
    acme = part(index, ACME)
    mistaken = point("1", customer="globex")
    index.upsert([Point(ACME.id(mistaken.id), {**mistaken.payload, "tenant": "globex"}, mistaken.vectors)])
    assert acme.retrieve([mistaken.id]) == []
    assert acme.count() == 0


def test_models_are_read_but_not_changed(index: Index) -> None:
    acme = part(index, ACME)
    assert acme.models() == acme.info().models == index.models() == acme.ensure(MODEL, "test model")
    for change in (acme.switch_model, acme.drop_model, lambda each: acme.add_model(each, "new")):
        with pytest.raises(ConfigurationError, match="unset POSTINGS_TENANT"):
            change(MODEL)


def test_a_writer_that_knows_no_tenants_changes_no_tenants_document(index: Index) -> None:
    write(part(index, ACME), [Revision("1", 1, (point("1", passages=2), point("1", ordinal=1, passages=2)))])
    before = everything(part(index, ACME))
    for revision in (Revision("1", 5, (point("1", version=5),)), Revision.deletion("1", 6, now=0)):
        with pytest.raises(ConfigurationError, match="set POSTINGS_TENANT_FIELD"):
            write(index, [revision])
    assert everything(part(index, ACME)) == before


class TwoTenants(Revisions):
    """The same, of two tenants with documents of one id, by workers that work for both."""

    settings = SETTINGS.model_copy(update={"tenant_field": FIELD})

    def operation(self, id: str, version: int, text: int | None, metadata: int) -> Operation:
        tenant = {"a": "acme", "b": "globex"}[id]
        if text is None:
            return Deletion(f"{self.prefix}both", version, tenant)
        return Document(f"{self.prefix}both", TEXTS[text], metadata={"n": metadata, FIELD: tenant}, version=version)

    def part(self, operation: Operation) -> Index:
        named = operation.tenant if isinstance(operation, Deletion) else operation.metadata[FIELD]
        return part(self.index, ACME if named == "acme" else GLOBEX)


def test_any_interleaving_ends_as_each_tenants_in_order_replay(empty_index: Index, encoder: Encoder) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    machine = type("TwoTenants", (TwoTenants,), {"index": empty_index, "encoder": encoder})
    try_interleavings(machine, empty_index, 30)


def test_the_settings_alone_bind_an_index(tmp_path: Path) -> None:
    operator = OPERATOR.model_copy(update={"index_url": str(tmp_path)})
    with open_index(operator.model_copy(update={"tenant": "acme"})) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point("1")])
    with open_index(operator.model_copy(update={"tenant": "globex"})) as index:
        assert list(index.scroll()) == []
    with open_index(operator) as index:
        assert [each.payload["tenant"] for each in index.scroll()] == ["acme"]


def test_a_tenant_without_its_field_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="POSTINGS_TENANT_FIELD"):
        Settings(tenant="acme")


# qdrant-client's memory counts documents of all tenants.
@pytest.mark.parametrize("name", ["edge", "rest", "grpc"])
def test_words_are_as_rare_as_they_are_among_the_tenants_own(name: str, tmp_path: Path) -> None:
    def stored(id: str, *words: int) -> Point:
        vectors = {MODEL: VECTOR, WORDS: SparseVector(list(words), [1.0] * len(words))}
        return replace(point(id), vectors=vectors)

    own = [stored("0", 1, 2), stored("1", 2), stored("2", 3)]
    requests = [
        SearchRequest(VECTOR, MODEL, words=WordQuery(SparseVector([1, 2], [1.0, 1.0]), 0.5)),
        SearchRequest(SparseVector([2], [1.0]), WORDS, filter={"must": [{"has_id": [own[0].id]}]}, fields=["version"]),
    ]
    with engine(name, tmp_path / "shared") as shared, engine(name, tmp_path / "alone") as alone:
        for index in (shared, alone):
            index.ensure(MODEL, "tiny", WordsConfig())
            part(index, ACME).upsert(own)
        part(shared, GLOBEX).upsert([stored(str(n), 1, 2, 4) for n in range(7)])
        found, expected = (part(index, ACME).search_batch(requests) for index in (shared, alone))
        assert [[(hit.id, hit.score) for hit in hits] for hits in found] == [
            [(hit.id, pytest.approx(hit.score, rel=1e-6)) for hit in hits] for hits in expected
        ]
        assert len(found[1]) == 1
        assert shared.search(requests[0])[0].score < found[0][0].score


def test_a_tenant_cannot_change_how_words_are_read(tmp_path: Path) -> None:
    with engine("edge", tmp_path) as index:
        index.ensure(MODEL, "tiny", WordsConfig())
        acme = part(index, ACME)
        assert acme.set_words(WordsConfig(average_length=3.0, measured_on=9)).words == index.models().words
        for words in (WordsConfig(language="german"), WordsConfig(weight=2.0)):
            with pytest.raises(ConfigurationError, match="unset POSTINGS_TENANT"):
                acme.set_words(words)
