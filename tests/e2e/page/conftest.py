"""A service with an encyclopedia, and a browser that shows its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from postings import Document, Encoder, Settings, open_index
from postings_ingest import Pipeline, delete_documents
from tests.support.beir import ENCYCLOPEDIA
from tests.support.browser import Visits, chromium
from tests.support.built_page import build_page
from tests.support.folders import copy_index
from tests.support.redis_server import RedisServer
from tests.support.sentences import LONG
from tests.support.served import served


def documents() -> list[Document]:
    """The encyclopedia, with metadata of each type; and a text of many passages."""
    rows = map(json.loads, (ENCYCLOPEDIA / "corpus.jsonl").read_text("utf-8").splitlines())
    articles = [
        Document(
            row["_id"],
            row["text"],
            title=row["title"],
            metadata={
                "owner": ("ann", "bob")[number % 2],
                "shelf": number // 10,
                "grade": number % 4 + 0.5,
                "checked": number % 3 == 0,
                "topics": [row["title"].split()[-1], "nature" if number < 60 else "culture"],
            },
            version=7,
        )
        for number, row in enumerate(rows)
    ]
    return [*articles, Document("horses", LONG, title="Horses by number", metadata={"owner": "ann", "shelf": 99})]


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    build_page()


@pytest.fixture(scope="session")
def filled(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index with the documents, and of an empty collection; nobody has it open."""
    settings = Settings(index_url=str(tmp_path_factory.mktemp("filled") / "index"))
    for named, filling in (("documents", documents()), ("empty", [Document("gone", "A text.")])):
        collection = settings.of_collection(named)
        with open_index(collection) as index:
            Pipeline(encoder, index, collection).run(filling)
            delete_documents(index, ["gone"])
    return Path(settings.index_url)


@pytest.fixture(scope="module")
def settings(filled: Path, redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the index, which tests may change."""
    folder = tmp_path_factory.mktemp("served") / "index"
    copy_index(filled, folder)
    return Settings(index_url=str(folder), redis_url=redis.url)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    """A service without keys."""
    with served(settings) as url:
        yield url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    """Asks the service what the page asks."""
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visits]:
    """Opens views of the service; the test fails if a browser complains about one."""
    visits = Visits(browser, url)
    yield visits
    visits.close()
    assert visits.complaints == []


@pytest.fixture
def put(encoder: Encoder, settings: Settings, url: str) -> Callable[[Document], None]:
    """Indexes a document."""

    def index_it(document: Document) -> None:
        with open_index(settings) as index:
            Pipeline(encoder, index, settings).run([document])

    return index_it
