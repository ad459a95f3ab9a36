"""What a server doesn't allow: by the API key, and by a collection's strict mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import EdgeIndex, Settings, SparseVector
from postings.errors import AccessDenied, StrictModeRejected
from postings.index import Index, SearchRequest
from postings.index.collection_size import CollectionSize, collection_size, count_matching
from postings.index.payload import PASSAGES, tombstone_point, without_vector
from postings.index.server import ServerIndex
from tests.support.cli import Cli
from tests.support.indexes import MODEL, point
from tests.support.qdrant_server import QdrantServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantServer]:
    folder = tmp_path_factory.mktemp("qdrant")
    with QdrantServer(folder, api_key="all", read_only_key="some", strict=True) as server:
        yield server


def settings(server: QdrantServer, key: str, port: int | None, name: str = "refusals") -> Settings:
    return Settings(index_url=server.url, index_api_key=key, index_grpc_port=port, collection=name)  # type: ignore[arg-type]


@pytest.fixture(params=["rest", "grpc"])
def port(request: pytest.FixtureRequest) -> int | None:
    return 0 if request.param == "rest" else None


@pytest.fixture
def filled(server: QdrantServer, port: int | None) -> Iterator[Index]:
    with ServerIndex.connect(settings(server, "all", port)) as index:
        index.ensure(MODEL, "tiny")
        index.upsert(
            [point("a"), point("b", passages=2), point("b", ordinal=1, passages=2), tombstone_point("c", 1, 1)]
        )
        yield index


def test_a_key_that_may_only_read_is_told_so_when_it_writes(
    server: QdrantServer, filled: Index, port: int | None
) -> None:
    with ServerIndex.connect(settings(server, "some", port)) as reading:
        assert len(list(reading.scroll())) == 4
        for write in (lambda: reading.upsert([point("d")]), lambda: reading.delete({"must": []})):
            with pytest.raises(AccessDenied, match="this API key may only read: ") as caught:
                write()
            assert "{" not in str(caught.value)
            assert not caught.value.retry
    with (
        ServerIndex.connect(settings(server, "some", port, "not-there")) as reading,
        pytest.raises(AccessDenied, match="this API key may only read: "),
    ):
        reading.ensure(MODEL, "tiny")
    assert len(list(filled.scroll())) == 4


def test_where_strict_mode_allows_no_exact_count_it_is_approximate_and_says_so(filled: Index) -> None:
    with pytest.raises(StrictModeRejected):
        filled.count()
    assert filled.count(exact=False) == 4
    found = filled.info()
    assert (found.points, found.approximate) == (4, True)
    counts = collection_size(filled)
    assert counts.approximate
    assert 0 <= counts.documents <= counts.passages <= 4


def test_few_points_are_counted_exactly_all_the_same(filled: Index) -> None:
    assert count_matching(filled, PASSAGES) == 3
    filled.add_model("another", "another")
    assert count_matching(filled, without_vector("another")) == 3
    assert count_matching(filled, without_vector(MODEL)) == 0
    filled.drop_model("another")


def test_a_search_as_long_as_strict_mode_allows_is_answered(server: QdrantServer, port: int | None) -> None:
    with ServerIndex.connect(settings(server, "all", port, f"limits-{port}")) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point(str(n), SparseVector([1], [1.0 + (n > 20)])) for n in range(40)])

        def found(limit: int, offset: int = 0, threshold: float | None = None) -> list[float]:
            request = SearchRequest(SparseVector([1], [1.0]), MODEL, limit, offset, score_threshold=threshold)
            hits = index.search(request)
            assert all(hit.payload["doc_id"] for hit in hits)
            assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.id))
            return [hit.score for hit in hits]

        assert found(10) == [2.0] * 10
        assert found(3) == [2.0] * 3  # all of a tie can't be asked for
        assert found(10, 15) == [2.0] * 4 + [1.0] * 6
        assert found(10, 15, 2.0) == [2.0] * 4
        with pytest.raises(StrictModeRejected, match='11 > 10 for "limit"'):
            found(11)


def test_the_command_says_that_a_count_is_approximate(
    server: QdrantServer, filled: Index, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTINGS_INDEX_API_KEY", "all")
    cli = Cli(server.url, capsys)
    shown = cli("info", "--collection", filled.collection).out
    told = cli("info", "--json", "--collection", filled.collection).json
    assert f"documents    about {told['documents']}\n" in shown
    assert "approximate" not in shown
    assert told["approximate"] is True


def test_without_strict_mode_it_is_exact(tmp_path: Path) -> None:
    with EdgeIndex(tmp_path, "exact") as index:
        index.ensure(MODEL, "tiny")
        index.upsert(
            [point("a"), point("b", passages=2), point("b", ordinal=1, passages=2), tombstone_point("c", 1, 1)]
        )
        assert collection_size(index) == CollectionSize(documents=2, passages=3, tombstones=1, approximate=False)
        assert not index.info().approximate
