"""The image is built, and compose brings up Redis and a worker that indexes a document; where Docker can be had."""

from __future__ import annotations

import contextlib
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import compose
import pytest

import postings
from postings import Document, Settings
from postings_ingest import Counts, Producer
from tests.support import docker
from tests.support.built_page import build_page

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "serve" / "postings_serve" / "page" / "index.html"
COMPOSE = str(Path(compose.__file__).with_name("docker-compose"))
OVERRIDE = str(Path(__file__).with_name("compose.override.yml"))
PASSWORD = "a-secret"

Compose = Callable[..., str]

for _image in (docker.REDIS, docker.PYTHON):
    if (_reason := docker.missing(_image)) is not None:
        pytest.skip(_reason, allow_module_level=True)


@pytest.fixture(scope="module")
def image() -> str:
    with contextlib.suppress(pytest.skip.Exception):  # without npm, the image has no page
        build_page()
    # The host's network, for engines that have no other way out.
    built, _ = docker.engine().images.build(
        path=str(ROOT), dockerfile="deploy/Dockerfile", target="cpu", tag="postings:cpu", network_mode="host", rm=True
    )
    return str(built.id)


@pytest.fixture(scope="module")
def composed(image: str) -> Iterator[Compose]:
    project = f"test-{uuid.uuid4().hex[:8]}"
    command = [COMPOSE, "--project-name", project, "--file", "docker-compose.yml", "--file", OVERRIDE]
    environment = {**os.environ, "REDIS_PASSWORD": PASSWORD, "QDRANT_API_KEY": "unused"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    yield run
    run("down", "--volumes")


def test_the_image_is_small_has_no_build_tools_and_no_root(image: str) -> None:
    client = docker.engine()
    base = client.images.get(docker.PYTHON).attrs["Size"]
    assert client.images.get(image).attrs["Size"] - base < 450e6
    assert client.images.get(image).attrs["Config"]["User"] == "10001:10001"
    said = client.containers.run(
        image,
        ["-c", "import sys, os; print(os.getuid(), sys.prefix, os.path.exists('/opt/postings/bin/pip'))"],
        entrypoint="python",
        network_mode="none",
        remove=True,
    )
    assert said.decode().split() == ["10001", "/opt/postings", "False"]
    version = client.containers.run(image, ["--version"], network_mode="none", remove=True)
    assert version.decode().split() == ["postings", postings.__version__]


ASKS_FOR_PAGE = """
import time, urllib.request
for _ in range(600):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:8000/", timeout=5).read().decode())
        break
    except OSError:
        time.sleep(0.1)
"""


def test_the_service_of_the_image_shows_the_page_of_the_checkout(image: str) -> None:
    if not BUILT.exists():
        pytest.skip("the web page can't be built here")
    serve = "postings keys create page --scope read >/dev/null && exec postings serve --index /tmp/index"
    container = docker.engine().containers.run(image, ["-c", serve], entrypoint="sh", network_mode="none", detach=True)
    try:
        page = container.exec_run(["python", "-c", ASKS_FOR_PAGE]).output.decode()
        assert page.strip() == BUILT.read_text("utf-8").replace("CALLER", "").strip(), container.logs().decode()
    finally:
        container.remove(force=True)


def test_compose_brings_up_redis_and_a_worker_that_indexes_and_finishes(composed: Compose) -> None:
    composed("up", "--detach", "--wait", "--no-build", "redis", "worker")
    port = composed("port", "redis", "6379").strip().rpartition(":")[2]
    with Producer(Settings(redis_url=f"redis://:{PASSWORD}@127.0.0.1:{port}/0")) as producer:  # type: ignore[arg-type]
        producer.add(Document("cheetah", "A cheetah is running behind its prey."))
    assert producer.job.wait(120) == Counts(submitted=1, indexed=1)
    assert '"queued": 0' in composed("exec", "--no-TTY", "worker", "postings", "status", "--json")
    composed("stop", "worker")
    (container,) = composed("ps", "--all", "--quiet", "worker").split()
    assert docker.engine().containers.get(container).attrs["State"]["ExitCode"] == 0
    found = composed("run", "--rm", "--no-deps", "--no-TTY", "worker", "search", "chasing prey", "--json")
    assert '"cheetah"' in found
