"""What isn't settings, a collection or a path is refused in words of ours, before anything is opened."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postings import EdgeIndex, Encoder, Settings, open_index
from postings.errors import ConfigurationError, InvalidInput, ReaderError
from postings_ingest import AsyncProducer, Ledger, Pipeline, Producer, estimate_documents, read_documents
from postings_ingest.queue.job import Job
from postings_query import AsyncSearchClient, SearchClient

TAKES_SETTINGS: dict[str, Callable[[Any], object]] = {
    "open_index": open_index,
    "Encoder.from_settings": Encoder.from_settings,
    "Producer": Producer,
    "AsyncProducer": AsyncProducer,
    "Ledger": Ledger,
    "Pipeline": lambda settings: Pipeline(None, None, settings),  # type: ignore[arg-type]
    "SearchClient": lambda settings: SearchClient(settings=settings),
    "AsyncSearchClient": lambda settings: AsyncSearchClient(settings=settings),
}


@pytest.mark.parametrize("wrong", [5, "x", b"x", [None], {"model": "tiny"}])
@pytest.mark.parametrize("function", TAKES_SETTINGS)
def test_what_is_no_settings_is_refused(function: str, wrong: object) -> None:
    with pytest.raises(ConfigurationError, match="expected Settings"):
        TAKES_SETTINGS[function](wrong)


@pytest.mark.parametrize("wrong", [5, b"x", [None], "../up", "", "a b"])
@pytest.mark.parametrize("client", [SearchClient, AsyncSearchClient])
def test_what_is_no_name_of_a_collection_is_refused(client: type[Any], wrong: object) -> None:
    expected = rf"expected a collection name of 1 to 200 letters, .*, got {re.escape(repr(wrong))}$"
    with pytest.raises(ConfigurationError, match=expected):
        client(wrong)


@pytest.mark.parametrize("wrong", [5, b"x", None, ["a.jsonl"]])
def test_what_is_no_path_is_refused(wrong: Any) -> None:
    with pytest.raises(ReaderError, match="must be a string"):
        list(read_documents(wrong, print))
    with pytest.raises(ReaderError, match="must be a string"):
        estimate_documents(wrong)


@pytest.mark.parametrize("wrong", [True, "bar", 5])
def test_what_cannot_be_called_is_no_progress(encoder: Encoder, tmp_path: Path, wrong: Any) -> None:
    expected = f"expected a function for progress, got {wrong!r}"
    with EdgeIndex(tmp_path) as index, pytest.raises(InvalidInput, match=expected):
        Pipeline(encoder, index).run([], wrong)
    with pytest.raises(InvalidInput, match=f"expected a function for progress, got {wrong!r}"):
        Job(Ledger(Settings()), "job").wait(progress=wrong)


@pytest.mark.parametrize("wrong", ["int8", "", None, ["float32"]])
def test_an_unknown_datatype_is_refused_with_those_that_there_are(tmp_path: Path, wrong: Any) -> None:
    expected = rf"expected a datatype of float32, float16, uint8, got {re.escape(repr(wrong))}$"
    with pytest.raises(ConfigurationError, match=expected):
        EdgeIndex(tmp_path / "index", datatype=wrong)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("wrong", ["animal-index", Path("animal-index"), 5])
def test_what_is_no_open_index_is_refused(encoder: Encoder, wrong: Any) -> None:
    for use in (
        lambda: Pipeline(encoder, wrong),
        lambda: SearchClient(index=wrong),
        lambda: AsyncSearchClient(index=wrong),
    ):
        with pytest.raises(ConfigurationError, match=f"index must be an open index, .*, got {type(wrong).__name__}$"):
            use()


def test_what_is_no_encoder_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    with EdgeIndex(tmp_path) as index:
        for use in (
            lambda: Pipeline("tiny", index),  # type: ignore[arg-type]
            lambda: Pipeline(index, encoder),  # type: ignore[arg-type]
            lambda: SearchClient(index=index, encoder="tiny"),  # type: ignore[arg-type]
            lambda: AsyncSearchClient(index=index, encoder="tiny"),  # type: ignore[arg-type]
        ):
            with pytest.raises(ConfigurationError, match=r"encoder must be an Encoder, .*, got (str|EdgeIndex)$"):
                use()
