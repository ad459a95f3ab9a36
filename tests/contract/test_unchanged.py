"""Vectors that are kept instead of encoded again: whatever the order and the crashes, the newest revision stands."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from postings import Document, Encoder, Index, Settings
from postings.index.payload import of_documents
from postings_ingest.indexing import Indexer
from postings_ingest.operations import Deletion, Operation
from tests.support.interleaving import Writer, try_interleavings

TEXTS = ["A lion hunts. A cheetah runs. A monkey plays. A man eats.", "A lion hunts. A tiger waits."]
SETTINGS = Settings(passage_tokens=8, passage_overlap=0)


def stored(index: Index, id: str) -> list[tuple[int, int, str | None, object]]:
    """Each point of a document: ordinal, version, text and metadata."""
    points = [point.payload for point in index.scroll(of_documents([id]))]
    return sorted((p["ordinal"], p["version"], p.get("text"), p.get("metadata")) for p in points)


class Revisions(RuleBasedStateMachine):
    """Revisions of a few documents, many with the same text, are delivered by workers that step, overtake and die."""

    index: Index
    encoder: Encoder
    settings = SETTINGS
    _run = itertools.count()
    messages = Bundle("messages")
    workers = Bundle("workers")

    @initialize()
    def begin(self) -> None:
        self.prefix = f"run {next(self._run)} "
        self.contents: dict[tuple[str, int], Operation] = {}
        self.sent: list[list[Operation]] = []
        self.deliveries: list[tuple[Writer, list[Operation]]] = []

    @rule(
        target=messages,
        parts=st.lists(
            st.tuples(st.sampled_from("ab"), st.integers(1, 6), st.sampled_from([0, 0, 1, None]), st.integers(0, 1)),
            min_size=1,
            max_size=2,
        ),
    )
    def send(self, parts: list[tuple[str, int, int | None, int]]) -> list[Operation]:
        batch = [
            self.contents.setdefault((id, version), self.operation(id, version, *rest)) for id, version, *rest in parts
        ]
        self.sent.append(batch)
        return batch

    def operation(self, id: str, version: int, text: int | None, metadata: int) -> Operation:
        if text is None:
            return Deletion(self.prefix + id, version)
        return Document(self.prefix + id, TEXTS[text], metadata={"n": metadata}, version=version)

    def part(self, operation: Operation) -> Index:
        """The index, as whoever owns the document sees it."""
        return self.index

    def work(self, index: Index, batch: list[Operation]) -> None:
        indexer = Indexer(self.encoder, index, self.settings)
        indexer.write(indexer.encode(batch))

    @rule(target=workers, batch=messages)
    def deliver(self, batch: list[Operation]) -> Writer:
        worker = Writer(self.index, lambda index: self.work(index, batch))
        self.deliveries.append((worker, batch))
        return worker

    @rule(worker=workers, steps=st.integers(1, 6))
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
        finished = [batch for _, batch in self.deliveries]
        for batch in reversed(self.sent):
            if not any(batch is other for other in finished):
                self.work(self.index, batch)
        sent = sorted(self.contents, key=lambda key: key[1])
        for last in {name: self.contents[name, version] for name, version in sent}.values():
            # Different operations on a document are encoded, whatever is stored.
            fresh = Indexer(self.encoder, self.index, self.settings).encode([last, replace(last, version=99)])[0]
            expected = [p.payload for p in fresh.points]
            assert stored(self.part(last), last.id) == [
                (p["ordinal"], last.version, p.get("text"), p.get("metadata")) for p in expected
            ]


def test_any_interleaving_ends_as_if_all_were_encoded_in_order(empty_index: Index, encoder: Encoder) -> None:
    empty_index.ensure(encoder.fingerprint, encoder.name)
    machine = type("Revisions", (Revisions,), {"index": empty_index, "encoder": encoder})
    try_interleavings(machine, empty_index, 60)
