"""The embedded engine writes index files; see :mod:`postings.index.embedded.optimizing`."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from postings import EdgeIndex, SparseVector
from postings.errors import StorageFull
from postings.index import Point, ScoredPoint, SearchRequest
from postings.index.embedded import optimizing
from postings.index.embedded.folder import FREE_TO_WRITE
from postings.index.protocol import WordQuery
from postings.words import WORDS, WordsConfig
from tests.support.indexes import MODEL, point
from tests.support.small_disks import mounted

POINTS = 1200
LOWERED_KB = 64
WORD_QUERY = WordQuery(SparseVector([3, 40], [1.0, 1.0]), 0.5)


@pytest.fixture(autouse=True)
def small_index_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kb in (("indexing_threshold", LOWERED_KB), ("max_segment_size", 8 * LOWERED_KB)):
        monkeypatch.setitem(optimizing.SETTINGS, name, kb)


def written(number: int, version: int = 1) -> Point:
    """A passage with vectors of the model and of words, drawn from its number."""
    drawn = np.random.default_rng(number)
    dims = np.unique(drawn.integers(0, 200, 30))
    base = point(str(number), SparseVector(dims, drawn.random(len(dims)) + 0.1), version=version)
    words = np.unique(drawn.zipf(1.3, 12) % 60)
    return Point(base.id, base.payload, {**base.vectors, WORDS: SparseVector(words, np.ones(len(words)))})


def filled(folder: Path, numbers: range = range(POINTS)) -> None:
    with EdgeIndex(folder) as index:
        index.ensure(MODEL, "tiny", WordsConfig(average_length=8.0))
        index.upsert(map(written, numbers))


def index_files(folder: Path) -> list[Path]:
    return list(folder.glob(f"documents/shard/segments/*/vector_index-{MODEL}/inverted_index.dat"))


def request(**options: object) -> SearchRequest:
    return SearchRequest(written(7).vectors[MODEL], MODEL, **{"limit": 30, **options})  # type: ignore[arg-type]


def answers(folder: Path) -> Iterator[list[ScoredPoint]]:
    words = SearchRequest(WORD_QUERY.vector, WORDS, limit=30)
    with EdgeIndex(folder) as index:
        yield from index.search_batch([request(), words, request(words=WORD_QUERY), request(with_vector=True)])


def without_index_files(folder: Path) -> None:
    """Make a collection as earlier versions did, whose one segment takes all writes."""
    config = folder / "documents" / "shard" / "edge_config.json"
    data = json.loads(config.read_text())
    data["optimizers"] = dict.fromkeys(data["optimizers"]) | {"indexing_threshold": 0}
    for vector in data["sparse_vectors"].values():
        del vector["memory"]
        vector["on_disk"] = False
    config.write_text(json.dumps(data))


def created_by_an_earlier_version(folder: Path) -> None:
    with EdgeIndex(folder) as index:
        index.ensure(MODEL, "tiny", WordsConfig(average_length=8.0))
    without_index_files(folder)


def test_scores_of_model_and_words_are_the_same_from_an_index_file(tmp_path: Path) -> None:
    created_by_an_earlier_version(tmp_path / "one")
    for folder in ("one", "files"):
        filled(tmp_path / folder)
    assert not index_files(tmp_path / "one")
    assert index_files(tmp_path / "files")
    for before, after in zip(answers(tmp_path / "one"), answers(tmp_path / "files"), strict=True):
        assert {hit.id for hit in before} == {hit.id for hit in after}
        assert [hit.score for hit in after] == pytest.approx([hit.score for hit in before], rel=1e-6)
        assert {hit.id: hit.vectors for hit in before} == {hit.id: hit.vectors for hit in after}


def test_the_words_of_an_index_file_are_weighted_by_their_frequency(tmp_path: Path) -> None:
    filled(tmp_path)
    assert index_files(tmp_path)
    words = [set(written(number).vectors[WORDS].indices.tolist()) for number in range(POINTS)]
    rarity = {}
    for word in WORD_QUERY.vector.indices.tolist():
        frequency = sum(word in each for each in words)
        rarity[word] = math.log(1 + (POINTS - frequency + 0.5) / (frequency + 0.5))
    with EdgeIndex(tmp_path) as index:
        for hit in index.search(SearchRequest(WORD_QUERY.vector, WORDS, limit=POINTS)):
            held = words[int(hit.payload["doc_id"])]
            assert hit.score == pytest.approx(sum(rarity[word] for word in rarity if word in held), rel=1e-6)


def test_points_in_an_index_file_are_replaced_and_deleted_and_old_versions_change_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    assert index_files(tmp_path)
    with EdgeIndex(tmp_path) as index:
        index.upsert([written(number, version=5) for number in range(100)], keep_newer=True)
        index.upsert([written(number, version=2) for number in range(100)], keep_newer=True)
        index.delete({"must": [{"key": "doc_id", "match": {"any": [str(n) for n in range(50, 150)]}}]})
        versions = {stored.payload["doc_id"]: stored.payload["version"] for stored in index.scroll()}
        assert versions == {str(n): 5 if n < 50 else 1 for n in range(POINTS) if not 50 <= n < 150}
        assert index.count() == len(versions)
        found = {hit.payload["doc_id"] for hit in index.search(request(limit=POINTS))}
        assert found <= versions.keys()
        assert "7" in found


def test_pages_of_equal_scores_do_not_overlap_when_they_lie_in_several_segments(tmp_path: Path) -> None:
    same = SparseVector(list(range(30)), [1.0] * 30)
    for start in (0, 500):
        with EdgeIndex(tmp_path) as index:
            index.ensure(MODEL, "tiny")
            index.upsert([point(str(number), same) for number in range(start, start + 500)])
    with EdgeIndex(tmp_path) as index:
        assert index_files(tmp_path)
        index.upsert([point(str(number), same) for number in range(1000, 1020)])
        pages = [index.search(SearchRequest(same, MODEL, limit=7, offset=offset)) for offset in range(0, 1020, 7)]
        found = [hit.id for page in pages for hit in page]
    assert len(found) == 1020
    assert found == sorted(found)


def test_a_process_that_searches_is_not_kept_waiting_until_it_closes_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postings.index.embedded.open_folder.FLUSH_AFTER", 100)
    monkeypatch.setattr("postings.index.embedded.open_folder.WHILE_SEARCHED", 0)
    for searches in (True, False):
        with EdgeIndex(tmp_path / str(searches)) as index:
            index.ensure(MODEL, "tiny", WordsConfig(average_length=8.0))
            if searches:
                index.search(request())
            index.upsert(map(written, range(POINTS)))
            assert bool(index_files(tmp_path / str(searches))) is not searches
        assert index_files(tmp_path / str(searches))


def test_a_collection_of_an_earlier_version_gets_index_files_when_it_is_asked_for(tmp_path: Path) -> None:
    created_by_an_earlier_version(tmp_path)
    filled(tmp_path)
    before = list(answers(tmp_path))
    assert not index_files(tmp_path)
    with EdgeIndex(tmp_path) as index:
        index.optimize()
        assert index_files(tmp_path)
        assert index.count() == POINTS
    for old, new in zip(before, answers(tmp_path), strict=True):
        assert [hit.score for hit in new] == pytest.approx([hit.score for hit in old], rel=1e-6)


@pytest.mark.parametrize("settings", ["", "{}", '{"optimizers": {"indexing_threshold": 7}, "sparse_vectors": {}}'])
def test_a_collection_with_other_settings_is_left_alone_when_it_is_closed(tmp_path: Path, settings: str) -> None:
    with EdgeIndex(tmp_path) as index:
        index.ensure(MODEL, "tiny", WordsConfig(average_length=8.0))
        index.upsert(map(written, range(POINTS)))
        config = tmp_path / "documents" / "shard" / "edge_config.json"
        saved = config.read_text()
        config.write_text(settings)
    assert not index_files(tmp_path)
    config.write_text(saved)
    with EdgeIndex(tmp_path) as index:
        assert index.count() == POINTS


def test_weights_are_rounded_in_index_files_if_this_is_asked_for(tmp_path: Path) -> None:
    for datatype in ("float32", "uint8"):
        with EdgeIndex(tmp_path / datatype, datatype=datatype) as index:
            index.ensure(MODEL, "tiny")
            index.upsert(
                [Point(each.id, each.payload, {MODEL: each.vectors[MODEL]}) for each in map(written, range(900))]
            )
        with EdgeIndex(tmp_path / datatype) as index:
            hits = index.search(request(limit=1, with_vector=True))
            error = abs(hits[0].score - hits[0].vectors[MODEL].dot(written(7).vectors[MODEL]))
            assert (error < 1e-5) is (datatype == "float32")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 420 MiB."""
    with mounted(tmp_path / "disk", 420) as folder:
        yield folder


def test_without_disk_space_for_a_copy_nothing_is_moved_until_there_is_some(small_disk: Path) -> None:
    with EdgeIndex(small_disk) as index:
        index.ensure(MODEL, "tiny", WordsConfig(average_length=8.0))
        index.upsert(map(written, range(POINTS)))
        free = shutil.disk_usage(small_disk).free
        (small_disk / "ballast").write_bytes(bytes(free - FREE_TO_WRITE - 2**20))
        with pytest.raises(StorageFull, match="MiB are free on the disk"):
            index.optimize()
        index.upsert([written(POINTS)])
    assert not index_files(small_disk)
    (small_disk / "ballast").unlink()
    with EdgeIndex(small_disk) as index:
        assert index.count() == POINTS + 1
        index.optimize()
        assert index.count() == POINTS + 1
    assert index_files(small_disk)
