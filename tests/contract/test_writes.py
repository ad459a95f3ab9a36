"""The write protocol: whatever the order, repetition and crashes, the index ends as if revisions came in order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    rule,
)

from postings import Index, SparseVector
from postings.index import SearchRequest
from postings.index.collection_size import collection_size
from postings.index.payload import of_documents
from postings.write_protocol import Outcome, Revision, Written, sweep_tombstones, write
from tests.support.indexes import MODEL, point
from tests.support.interleaving import Writer, try_interleavings

NOW = 1_700_000_000_000


def revision(doc_id: str, version: int, passages: int) -> Revision:
    """A revision with some passages; with none, the document's delete."""
    if passages == 0:
        return Revision.deletion(doc_id, version, NOW)
    points = [point(doc_id, ordinal=n, version=version, passages=passages) for n in range(passages)]
    return Revision(doc_id, version, tuple(points))


def stored(index: Index, doc_id: str) -> list[tuple[int, int, bool]]:
    """Each point of a document: ordinal, version, and whether it can be found."""
    request = SearchRequest(SparseVector([1], [1.0]), MODEL, limit=1000, filter=of_documents([doc_id]))
    found = {hit.id for hit in index.search(request)}
    points = index.scroll(of_documents([doc_id]))
    return sorted((p.payload["ordinal"], p.payload["version"], p.id in found) for p in points)


def expected(version: int, passages: int) -> list[tuple[int, int, bool]]:
    """What a revision leaves when it is the newest."""
    return [(n, version, True) for n in range(passages)] or [(0, version, False)]


def indexed(version: int) -> Written:
    return Written(Outcome.INDEXED, version)


def deleted(version: int) -> Written:
    return Written(Outcome.DELETED, version)


def superseded(by: int) -> Written:
    return Written(Outcome.SUPERSEDED, by)


def test_an_older_version_after_a_newer_one_changes_nothing(index: Index) -> None:
    assert write(index, [revision("a", 2, 1)]) == [indexed(2)]
    assert write(index, [revision("a", 1, 3)]) == [superseded(by=2)]
    assert stored(index, "a") == expected(2, 1)


def test_fewer_passages_than_before_leave_no_stale_one(index: Index) -> None:
    write(index, [revision("a", 1, 5)])
    write(index, [revision("a", 2, 2)])
    assert stored(index, "a") == expected(2, 2)


def test_a_late_upsert_does_not_bring_back_a_deleted_document(index: Index) -> None:
    write(index, [revision("a", 1, 3)])
    assert write(index, [revision("a", 3, 0)]) == [deleted(3)]
    assert write(index, [revision("a", 2, 2)]) == [superseded(by=3)]
    assert stored(index, "a") == expected(3, 0)
    assert collection_size(index).documents == 0


def test_a_delete_of_a_document_that_never_came_is_remembered(index: Index) -> None:
    write(index, [revision("a", 5, 0)])
    assert write(index, [revision("a", 4, 1)]) == [superseded(by=5)]
    assert write(index, [revision("a", 6, 1)]) == [indexed(6)]
    assert stored(index, "a") == expected(6, 1)


def test_an_older_delete_does_not_remove_a_newer_document(index: Index) -> None:
    write(index, [revision("a", 2, 2)])
    assert write(index, [revision("a", 1, 0)]) == [superseded(by=2)]
    assert stored(index, "a") == expected(2, 2)


def test_the_same_version_again_replaces_and_completes(index: Index) -> None:
    whole = revision("a", 1, 3)
    index.upsert(whole.points[:1])
    assert write(index, [whole]) == [indexed(1)]
    assert stored(index, "a") == expected(1, 3)
    write(index, [revision("a", 1, 2)])
    assert stored(index, "a") == expected(1, 2)
    write(index, [revision("a", 1, 0)])
    assert stored(index, "a") == expected(1, 0)


def test_of_several_revisions_in_a_batch_the_newest_wins(index: Index) -> None:
    batch = [revision("a", 1, 2), revision("a", 3, 1), revision("a", 2, 3), revision("b", 7, 1)]
    assert write(index, iter(batch)) == [superseded(by=3), indexed(3), superseded(by=3), indexed(7)]
    assert stored(index, "a") == expected(3, 1)
    assert stored(index, "b") == expected(7, 1)


def test_a_batch_of_different_versions_is_written_whole(index: Index) -> None:
    write(index, [revision("a", 5, 3), revision("b", 500, 1)])
    written = write(index, [revision("a", 4, 1), revision("b", 600, 2), revision("c", 700, 1), revision("b2", 9, 300)])
    assert written == [superseded(by=5), indexed(600), indexed(700), indexed(9)]
    assert stored(index, "a") == expected(5, 3)
    assert stored(index, "b") == expected(600, 2)
    assert stored(index, "b2") == expected(9, 300)


def test_writing_nothing_is_no_error(index: Index) -> None:
    assert write(index, []) == []


def test_swept_tombstones_are_forgotten_and_live_documents_are_not(index: Index) -> None:
    write(index, [revision("gone", 1, 0), revision("here", 1, 2)])
    sweep_tombstones(index, NOW)
    assert stored(index, "gone") == expected(1, 0)
    sweep_tombstones(index, NOW + 1)
    assert stored(index, "gone") == []
    assert stored(index, "here") == expected(1, 2)


def test_a_slow_older_writer_removes_its_own_late_passages(index: Index) -> None:
    older = Writer(index, lambda i: write(i, [revision("a", 1, 3)]))
    write(index, [revision("a", 2, 1)])
    older.finish()
    assert stored(index, "a") == expected(2, 1)


@pytest.mark.parametrize("passages", [1, 0])
def test_an_older_revision_between_the_steps_of_a_batch_of_several_versions_costs_no_passage(
    index: Index, passages: int
) -> None:
    write(index, [revision("a", 1, 3)])
    slow = Writer(index, lambda i: write(i, [revision("x", 0, 1), revision("a", 3, 3)]))
    slow.step()
    write(index, [revision("a", 2, passages)])
    slow.finish()
    assert stored(index, "a") == expected(3, 3)


class Deliveries(RuleBasedStateMachine):
    """Messages about a few documents are delivered, perhaps twice, in any order; workers step, overtake and die."""

    index: Index
    _run = itertools.count()
    messages = Bundle("messages")
    workers = Bundle("workers")

    @initialize()
    def begin(self) -> None:
        # A prefix of its own keeps each run apart on the one index, which takes long to make.
        self.prefix = f"run {next(self._run)} "
        self.contents: dict[tuple[str, int], Revision] = {}
        self.sent: list[list[Revision]] = []
        self.deliveries: list[tuple[Writer, list[Revision]]] = []

    @rule(
        target=messages,
        parts=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=3),
    )
    def send(self, parts: list[tuple[str, int, int]]) -> list[Revision]:
        # A version has one content: whoever sends it again sends the same.
        keys = [((self.prefix + document, version), passages) for document, version, passages in parts]
        batch = [self.contents.setdefault(key, revision(*key, passages)) for key, passages in keys]
        self.sent.append(batch)
        return batch

    @rule(target=workers, batch=messages)
    def deliver(self, batch: list[Revision]) -> Writer:
        worker = Writer(self.index, lambda index: write(index, batch))
        self.deliveries.append((worker, batch))
        return worker

    @rule(worker=workers, steps=st.integers(1, 4))
    def step(self, worker: Writer, steps: int) -> None:
        for _ in range(steps):
            if not worker.done:
                worker.step()

    @rule(worker=consumes(workers))
    def crash(self, worker: Writer) -> None:
        if not worker.done:
            worker.crash()
            self.deliveries = [delivery for delivery in self.deliveries if delivery[0] is not worker]

    def teardown(self) -> None:
        for worker, _ in self.deliveries:
            worker.finish()
        # At least once: what no worker finished is delivered again; the rest has to stand as it is.
        finished = [batch for _, batch in self.deliveries]
        for batch in reversed(self.sent):
            if not any(batch is other for other in finished):
                write(self.index, batch)
        sent = {(revision.doc_id, revision.version): revision for batch in self.sent for revision in batch}
        newest = {doc_id: sent[doc_id, version] for doc_id, version in sorted(sent)}
        for doc_id, last in newest.items():
            passages = 0 if "deleted_at" in last.points[0].payload else len(last.points)
            assert stored(self.index, doc_id) == expected(last.version, passages)
        if newest:  # or the next runs search among all of them
            self.index.delete(of_documents(newest))


def test_any_interleaving_ends_as_an_in_order_replay(index: Index) -> None:
    machine = type("Deliveries", (Deliveries,), {"index": index})
    try_interleavings(machine, index, 100)
