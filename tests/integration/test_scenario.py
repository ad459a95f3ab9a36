"""The same scenario with a real worker on every index: the embedded one, one over REST, a given server, containers."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postings import Encoder, Settings
from tests.support import docker, scenario
from tests.support.indexes import SERVER_URL, drop, server_settings
from tests.support.qdrant_server import QdrantServer


@pytest.fixture(scope="module")
def redis_in_a_container(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where none is given and there is an engine, else the one that other tests use."""
    if "POSTINGS_TEST_REDIS_URL" in os.environ or docker.missing(docker.REDIS) is not None:
        yield request.getfixturevalue("redis_url")
        return
    from testcontainers.community.redis import RedisContainer

    with RedisContainer(docker.REDIS) as container:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"


@pytest.fixture
def queue(redis_in_a_container: str) -> dict[str, Any]:
    return {"redis_url": redis_in_a_container, "collection": f"test-{uuid.uuid4().hex[:12]}", "visibility_timeout": 5}


def test_on_the_embedded_index(queue: dict[str, Any], encoder: Encoder, tmp_path: Path) -> None:
    scenario.play(Settings(index_url=str(tmp_path / "index"), **queue), encoder, tmp_path)


@pytest.mark.parametrize("grpc", [False, True], ids=["rest", "grpc"])
def test_over_the_network(queue: dict[str, Any], encoder: Encoder, tmp_path: Path, grpc: bool) -> None:
    (tmp_path / "server").mkdir()
    with QdrantServer(tmp_path / "server", api_key="key") as server:
        settings = Settings(
            index_url=server.url,
            index_api_key="key",  # type: ignore[arg-type]
            index_grpc_port=server.grpc_port if grpc else 0,
            **queue,
        )
        scenario.play(settings, encoder, tmp_path)


@pytest.mark.skipif(SERVER_URL not in os.environ, reason=f"no Qdrant server: set {SERVER_URL}")
def test_on_the_server_that_is_given(queue: dict[str, Any], encoder: Encoder, tmp_path: Path) -> None:
    settings = server_settings(**queue)
    try:
        scenario.play(settings, encoder, tmp_path)
    finally:
        drop(settings)


@pytest.fixture
def qdrant_container() -> Iterator[Any]:
    if (reason := docker.missing(docker.QDRANT)) is not None:
        pytest.skip(reason)
    from testcontainers.community.qdrant import QdrantContainer

    with QdrantContainer(docker.QDRANT) as container:
        yield container


@pytest.mark.parametrize("grpc", [False, True], ids=["rest", "grpc"])
def test_on_qdrant_in_a_container(
    queue: dict[str, Any], encoder: Encoder, tmp_path: Path, qdrant_container: Any, grpc: bool
) -> None:
    port = qdrant_container.get_exposed_port(6334) if grpc else 0
    url = f"http://{qdrant_container.rest_host_address}"
    scenario.play(Settings(index_url=url, index_grpc_port=port, **queue), encoder, tmp_path)
