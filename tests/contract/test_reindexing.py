"""Two models in one collection: whatever the order and the crashes, no vector is missing, stale or of another model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from postings import Document, EdgeIndex, Encoder, Index, SparseVector
from postings.collection_models import load_model
from postings.errors import IndexUnavailable, ModelMismatch
from postings.index import Filter, Point
from postings.index.models import CollectionModels
from postings.index.payload import PASSAGES, without_vector
from postings_ingest import Pipeline
from postings_ingest.indexing import Indexer
from postings_ingest.operations import Deletion, Operation
from postings_ingest.reindexing import reindex
from tests.contract.test_unchanged import SETTINGS as ONE_MODEL
from tests.contract.test_unchanged import TEXTS, Revisions
from tests.support.interleaving import Writer, try_interleavings
from tests.support.models import quiet_tiny

SETTINGS = ONE_MODEL.model_copy(update={"backend": "torch"})


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """The model that the collection is changed to."""
    folder = quiet_tiny(tmp_path_factory.mktemp("model"))
    encoder = Encoder.load(folder, "cpu", "torch")
    return load_model(CollectionModels.of(encoder.fingerprint, str(folder)), encoder.fingerprint, SETTINGS)


class Models(Revisions):
    """Writers and backfills step, overtake each other and die, while models are added, switched and dropped."""

    new: Encoder
    workers = Revisions.workers

    @initialize(last_steps=st.integers(0, 12))
    def begin(self, last_steps: int) -> None:
        Revisions.begin(self)
        self.last_steps = last_steps
        self.index.delete({"must": [{"key": "version", "range": {"gte": 0}}]})
        self.index.add_model(self.encoder.fingerprint, self.encoder.location)
        self.index.switch_model(self.encoder.fingerprint)
        self.index.drop_model(self.new.fingerprint)
        self.vectors: dict[tuple[str, str], SparseVector] = {}

    def work(self, index: Index, batch: list[Operation]) -> None:
        indexer = Indexer(self.encoder, index, SETTINGS)
        # As the worker does: what is planned for a model that is dropped meanwhile is planned again.
        for _ in range(5):
            try:
                indexer.write(indexer.encode(batch))
            except ModelMismatch:
                continue
            return
        raise AssertionError("five models were dropped in the middle of one batch")

    @rule(target=workers)
    def backfill(self) -> Writer:
        return Writer(self.index, lambda index: reindex(index, self.new))

    @rule()
    def switch(self) -> None:
        models = self.index.models()
        for fingerprint in models.others:
            if self.index.count(without_vector(fingerprint)) == 0:
                self.index.switch_model(fingerprint)

    @rule()
    def roll_back(self) -> None:
        if (previous := self.index.models().previous) is not None:
            self.index.switch_model(previous)

    @rule()
    def drop(self) -> None:
        for fingerprint in self.index.models().others:
            self.index.drop_model(fingerprint)

    def teardown(self) -> None:
        # Every writer that is still on its way must see to the vectors of a model that was filled in the meantime.
        reindex(self.index, self.new)
        for writer, _ in self.deliveries:
            for _ in range(self.last_steps):
                if not writer.done:
                    writer.step()
            if not writer.done:
                writer.crash()
        for batch in reversed(self.sent):
            self.work(self.index, batch)
        encoders = {each.fingerprint: each for each in (self.encoder, self.new)}
        for fingerprint in self.index.models().names:
            for point in self.index.scroll(PASSAGES, vectors=[fingerprint]):
                text = point.payload["text"]
                if (fingerprint, text) not in self.vectors:
                    (self.vectors[fingerprint, text],) = encoders[fingerprint].encode_documents([text])
                assert fingerprint in point.vectors, f"{point.payload['doc_id']!r} lacks a vector"
                assert point.vectors[fingerprint].largest_difference(self.vectors[fingerprint, text]) <= 1e-4
        sent = [operation for batch in self.sent for operation in batch]
        for id in {operation.id for operation in sent}:
            last = max((each for each in sent if each.id == id), key=lambda each: each.version or 0)
            texts = sorted(
                point.payload["text"]
                for point in self.index.scroll({"must": [{"key": "doc_id", "match": {"value": id}}]})
                if "text" in point.payload
            )
            fresh = Indexer(self.encoder, self.index, SETTINGS).encode([last, replace(last, version=99)])[0]
            assert texts == sorted(point.payload["text"] for point in fresh.points if "text" in point.payload)


def test_no_interleaving_leaves_a_vector_missing_or_stale(empty_index: Index, encoder: Encoder, other: Encoder) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    machine = type("Models", (Models,), {"index": empty_index, "encoder": encoder, "new": other})
    try_interleavings(machine, empty_index, 60)


DOCUMENT = Document("1", TEXTS[1], version=1)


def written(encoder: Encoder, index: Index) -> None:
    indexer = Indexer(encoder, index, SETTINGS)
    indexer.write(indexer.encode([DOCUMENT]))


def begun(encoder: Encoder, index: Index) -> Writer:
    """A writer that has read the models of the collection."""
    writer = Writer(index, lambda index: written(encoder, index))
    writer.step()
    return writer


def test_a_batch_whose_writer_died_before_it_saw_the_new_model_is_completed_when_it_comes_again(
    empty_index: Index, encoder: Encoder, other: Encoder
) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    writer = begun(encoder, empty_index)
    reindex(empty_index, other)
    while not empty_index.count():
        writer.step()
    writer.crash()
    assert empty_index.count(without_vector(other.fingerprint)) == empty_index.count()
    written(encoder, empty_index)
    assert empty_index.count(without_vector(other.fingerprint)) == 0


def test_a_writer_on_its_way_sees_to_a_model_that_was_filled_meanwhile(
    empty_index: Index, encoder: Encoder, other: Encoder
) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    writer = begun(encoder, empty_index)
    reindex(empty_index, other)
    writer.finish()
    assert empty_index.count(PASSAGES) > 0
    assert empty_index.count(without_vector(other.fingerprint)) == 0


def test_a_model_that_is_dropped_in_the_middle_of_a_batch_is_left_out(
    empty_index: Index, encoder: Encoder, other: Encoder
) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    empty_index.add_model(other.fingerprint, other.location)
    writer = begun(encoder, empty_index)
    empty_index.drop_model(other.fingerprint)
    writer.finish()
    assert empty_index.count(without_vector(encoder.fingerprint)) == 0
    assert empty_index.count(PASSAGES) > 0


def test_a_model_that_took_the_place_of_the_one_that_was_planned_is_written(
    empty_index: Index, encoder: Encoder, other: Encoder
) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    writer = begun(encoder, empty_index)
    reindex(empty_index, other)
    empty_index.switch_model(other.fingerprint)
    empty_index.drop_model(encoder.fingerprint)
    writer.finish()
    assert empty_index.count(PASSAGES) > 0
    assert empty_index.count(without_vector(other.fingerprint)) == 0


MORE_THAN_A_PAGE = [Document(str(number), f"a lion {number}") for number in range(270)]


def test_a_collection_is_filled_and_a_second_run_has_nothing_to_do(
    empty_index: Index, encoder: Encoder, other: Encoder, tmp_path: Path
) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    indexer = Indexer(encoder, empty_index, SETTINGS)
    indexer.write(indexer.encode([*MORE_THAN_A_PAGE, Deletion("gone", 1)]))
    seen = []
    report = reindex(empty_index, other, progress=seen.append)
    assert report.filled == report.passages == report.encoded == empty_index.count(PASSAGES)
    assert report.truncated == 0
    assert [each.filled for each in seen] == sorted(each.filled for each in seen)
    again = reindex(empty_index, other)
    assert (again.filled, again.encoded) == (report.passages, 0)


def test_a_run_that_is_ended_goes_on_where_it_stopped(empty_index: Index, encoder: Encoder, other: Encoder) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    indexer = Indexer(encoder, empty_index, SETTINGS)
    indexer.write(indexer.encode(MORE_THAN_A_PAGE))

    class Ended(Exception):
        pass

    def end(*_: object) -> None:
        raise Ended

    with pytest.raises(Ended):
        reindex(empty_index, other, check=end)
    assert empty_index.count(without_vector(other.fingerprint)) == empty_index.count(PASSAGES)
    with pytest.raises(Ended):
        reindex(empty_index, other, progress=end)
    lacking = empty_index.count(without_vector(other.fingerprint))
    assert 0 < lacking < empty_index.count(PASSAGES)
    assert reindex(empty_index, other).encoded == lacking


class LosesVectors(EdgeIndex):
    """An engine that answers as if it had set them."""

    def update_vectors(self, points: Sequence[Point], condition: Filter) -> None:
        pass


def test_a_run_whose_vectors_are_lost_ends(encoder: Encoder, other: Encoder, tmp_path: Path) -> None:
    with LosesVectors(tmp_path) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        written(encoder, index)
        with pytest.raises(IndexUnavailable, match="still have no vector"):
            reindex(index, other)


def test_passages_of_which_a_model_reads_only_the_beginning_are_counted(encoder: Encoder, tmp_path: Path) -> None:
    folder = quiet_tiny(tmp_path)
    config = folder / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "model_max_length": 8}))
    narrow = Encoder.load(folder, "cpu", "torch")
    assert narrow.window == 6
    with EdgeIndex(tmp_path / "index") as index:
        six, seven = "a lion hunts in the dark", "a lion hunts in the dark wood"
        Pipeline(encoder, index).run([Document("six", six), Document("seven", seven)])
        assert reindex(index, narrow).truncated == 1
