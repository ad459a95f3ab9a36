"""Snapshots of a server's collections: what servers refuse, what goes wrong on the way, and what is left behind."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from qdrant_client import AsyncQdrantClient

from postings import Settings, open_index
from postings.collections import Collections
from postings.errors import (
    AccessDenied,
    CollectionNotFound,
    ConfigurationError,
    IndexRejected,
    IndexUnavailable,
    OutputLost,
)
from postings.index.server import ServerIndex
from postings.index.server.snapshots import download
from postings.whole_files import no_progress
from tests.support.indexes import MODEL, point
from tests.support.qdrant_server import QdrantServer
from tests.support.scripted_http import answering
from tests.support.tls import certificate

KEY = "the-secret-key"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantServer]:
    folder = tmp_path_factory.mktemp("qdrant")
    with QdrantServer(folder, api_key=KEY, read_only_key="some") as server:
        yield server


def settings_of(server: QdrantServer, key: str = KEY) -> Settings:
    return Settings(index_url=server.url, index_api_key=key, collection="saved")  # type: ignore[arg-type]


@pytest.fixture
def settings(server: QdrantServer) -> Iterator[Settings]:
    settings = settings_of(server)
    with open_index(settings) as index:
        index.ensure(MODEL, "tiny")
        index.upsert([point("a"), point("b")])
    yield settings
    Collections(settings).drop("saved")


def test_no_snapshot_is_left_on_the_server(server: QdrantServer, settings: Settings, tmp_path: Path) -> None:
    Collections(settings).snapshot("saved", tmp_path / "file")
    with pytest.raises(OutputLost):
        Collections(settings).snapshot("saved", tmp_path)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Collections(settings).snapshot("saved", tmp_path / "other", stop)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    request = urllib.request.Request(f"{server.url}/collections/saved/snapshots", headers={"api-key": KEY})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["result"] == []


def test_a_snapshot_is_kept_though_it_cannot_be_deleted_on_the_server(
    server: QdrantServer, settings: Settings, tmp_path: Path
) -> None:
    snapshots = f"{server.url}/collections/saved/snapshots"

    def delete(done: int, total: int) -> None:
        with urllib.request.urlopen(urllib.request.Request(snapshots, headers={"api-key": KEY})) as answer:
            for each in json.load(answer)["result"]:
                path = f"{snapshots}/{each['name']}"
                request = urllib.request.Request(path, headers={"api-key": KEY}, method="DELETE")
                urllib.request.urlopen(request).close()

    Collections(settings).snapshot("saved", tmp_path / "file", delete)
    Collections(settings).restore("saved", tmp_path / "file", replace=True)


def test_a_key_that_may_only_read_is_told_so_and_never_shown(
    server: QdrantServer, settings: Settings, tmp_path: Path
) -> None:
    Collections(settings).snapshot("saved", tmp_path / "file")
    reading = Collections(settings_of(server, "some"))
    assert reading.names() == ["saved"]
    for change in (
        lambda: reading.snapshot("saved", tmp_path / "other"),
        lambda: reading.drop("saved"),
        lambda: reading.copy("saved", "copy"),
        lambda: reading.restore("restored", tmp_path / "file"),
        lambda: reading.restore("saved", tmp_path / "file", replace=True),
    ):
        with pytest.raises(AccessDenied, match="may only read"):
            change()
    with pytest.raises(AccessDenied) as caught:
        download(settings_of(server, "a-wrong-key"), tmp_path / "other", no_progress)
    assert "a-wrong-key" not in str(caught.value)
    assert Collections(settings).names() == ["saved"]


def test_a_snapshot_travels_by_tls(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")
    with QdrantServer(tmp_path_factory.mktemp("qdrant"), tls=made) as server:
        settings = Settings(index_url=server.url, index_ca=made.ca, collection="saved")
        with open_index(settings) as index:
            index.ensure(MODEL, "tiny")
        Collections(settings).snapshot("saved", tmp_path / "file")
        Collections(settings).restore("other", tmp_path / "file")
        assert Collections(settings).names() == ["other", "saved"]
        untrusted = settings.model_copy(update={"index_ca": None})
        with pytest.raises(ConfigurationError, match="index_ca"):
            download(untrusted, tmp_path / "file", no_progress)


def answer(**result: Any) -> str:
    return json.dumps({"result": {"local_shards": [{"shard_id": 0}], "remote_shards": [], "name": "made", **result}})


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, answer(remote_shards=[{"shard_id": 0}, {"shard_id": 1}]), IndexRejected, "1 of its shards"),
        (200, answer(checksum="0" * 64), IndexUnavailable, "damaged on its way"),
        (200, "<html>log in</html>", IndexUnavailable, "isn't from Qdrant"),
        (200, '{"result": {}}', IndexUnavailable, "isn't from Qdrant"),
        (503, "busy", IndexUnavailable, "503"),
        (400, json.dumps({"status": {"error": f"no {KEY}"}}), IndexRejected, "the server says 400: no "),
    ],
)
def test_a_snapshot_that_is_not_whole_is_not_kept(
    status: int, body: str, error: type[Exception], words: str, tmp_path: Path
) -> None:
    with answering(status, body) as url:
        settings = Settings(index_url=url, index_api_key=KEY)  # type: ignore[arg-type]
        with pytest.raises(error, match=words) as caught:
            download(settings, tmp_path / "file", no_progress)
        assert KEY not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_node_that_is_away_is_passed_over(server: QdrantServer, settings: Settings, tmp_path: Path) -> None:
    with answering(200, "") as away:
        pass
    both = settings.model_copy(update={"index_url": f"{away},{server.url}"})
    Collections(both).snapshot("saved", tmp_path / "file")
    with pytest.raises(IndexUnavailable, match="can't reach"):
        download(settings.model_copy(update={"index_url": away}), tmp_path / "file", no_progress)


def test_a_copy_that_is_interrupted_is_deleted(settings: Settings) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Collections(settings).copy("saved", "copy", stop)
    assert Collections(settings).names() == ["saved"]


def test_a_restore_that_fails_deletes_what_it_began(settings: Settings, tmp_path: Path) -> None:
    """The server may have created the collection, but not given it its metadata: it couldn't be dropped then."""
    Collections(settings).snapshot("saved", tmp_path / "file")
    asked: list[str] = []
    with answering(
        404, '{"status": {"error": "Not found"}}', root='{"title": "qdrant", "version": "1.18.0"}', asked=asked
    ) as url:
        elsewhere = Settings(index_url=url, index_grpc_port=0)
        with pytest.raises(CollectionNotFound):
            Collections(elsewhere).restore("new", tmp_path / "file")
    sent = [urlsplit(path).path for path in asked if "new" in path]
    assert sent[-2:] == ["/collections/new/snapshots/upload", "/collections/new"]


def test_a_snapshot_needs_an_address() -> None:
    with ServerIndex(AsyncQdrantClient(":memory:")) as index:
        index.ensure(MODEL, "tiny")
        with pytest.raises(IndexRejected, match="connect"):
            index.snapshot(Path("unwritten"))
