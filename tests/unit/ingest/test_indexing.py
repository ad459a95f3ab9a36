"""How long passages are, by the model and the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from postings import Document, Encoder, Settings, open_index
from postings.errors import ConfigurationError
from postings_ingest.indexing import Indexer
from tests.support.models import long_modernbert, save

TEXT = "word " * 3000


@pytest.fixture(scope="module")
def long_encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return Encoder.load(save(long_modernbert, tmp_path_factory.mktemp("model")), "cpu", "torch")


@pytest.mark.parametrize(("tokens", "passages"), [(None, 7), (512, 7), (1024, 3), (2046, 2)])
def test_a_model_that_reads_much_gives_long_passages_to_those_who_ask(
    long_encoder: Encoder, tmp_path: Path, tokens: int | None, passages: int
) -> None:
    settings = Settings(index_url=str(tmp_path / "index"), passage_tokens=tokens)
    with open_index(settings) as index:
        (revision,) = Indexer(long_encoder, index, settings).encode([Document("1", TEXT)])
    assert len(revision.points) == passages


def test_passages_longer_than_the_window_are_refused(long_encoder: Encoder, tmp_path: Path) -> None:
    settings = Settings(index_url=str(tmp_path / "index"), passage_tokens=2047)
    with (
        open_index(settings) as index,
        pytest.raises(ConfigurationError, match=r"'passage_tokens': .* reads 2046 tokens of a text, got 2047"),
    ):
        Indexer(long_encoder, index, settings)


def test_encoding_and_writing_can_be_ended_between_two_passes_and_two_writes(tmp_path: Path) -> None:
    encoder = Encoder.load("tiny")
    documents = [Document(str(number), f"{number} {TEXT[:1000]}") for number in range(50)]
    checks = 0

    def count() -> None:
        nonlocal checks
        checks += 1

    def end() -> None:
        raise RuntimeError("ended")

    with open_index(Settings(index_url=str(tmp_path / "index"))) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        indexer = Indexer(encoder, index, Settings(passage_tokens=24, passage_overlap=4))
        revisions = indexer.encode(documents, check=count)
        assert checks > 0
        checks = 0
        indexer.write(revisions, count)
        assert sum(len(revision.points) for revision in revisions) > 400
        assert checks > 1
        with pytest.raises(RuntimeError, match="ended"):
            indexer.encode(documents, check=end)
        with pytest.raises(RuntimeError, match="ended"):
            indexer.write(revisions, end)
