"""Callers at the same time share passes over the model; a pass that doesn't fit in memory is halved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from postings import Encoder
from postings.encoder.loader import Loader
from postings.encoder.model_files.location import BUNDLED
from postings.encoder.model_files.modules import ModelFolder
from postings.encoder.passes.batches import batches
from postings.encoder.passes.shared import SharedPasses
from postings.encoder.routes.activations import Activations
from postings.encoder.routes.protocol import Prepared, Route
from postings.encoding_options import Backend

TEXTS = [f"text number {n} about {n} lions" for n in range(12)]


def loaded(encoder: Encoder, backend: Backend) -> Route:
    folder = ModelFolder.read(BUNDLED / "tiny")
    return Loader(folder, "tiny", encoder.fingerprint, "cpu", backend, "float32").route("document")


@pytest.fixture
def route(encoder: Encoder) -> Route:
    return loaded(encoder, "onnx")


class Faulty:
    """A route that fails first: a fault before the real thing."""

    def __init__(self, route: Route, fault: Callable[[Sequence[Prepared]], None]) -> None:
        self.tokenizer, self.pass_size = route.tokenizer, route.pass_size
        self.prepare, self.positions = route.prepare, route.positions
        self.concurrent = False
        self._encode = route.encode
        self._fault = fault

    def encode(self, batch: Sequence[Prepared], *, positions: bool) -> list[Activations]:
        self._fault(batch)
        return self._encode(batch, positions=positions)


def together(passes: SharedPasses, calls: Sequence[Sequence[Prepared]]) -> list[list[Activations] | BaseException]:
    """Make several calls that all wait for the model at once, in their order."""
    answers: dict[int, list[Activations] | BaseException] = {}

    def work(at: int) -> None:
        try:
            answers[at] = passes.encode(calls[at], positions=False)
        except BaseException as error:
            answers[at] = error

    threads = [threading.Thread(target=work, args=(at,)) for at in range(len(calls))]
    with passes.turn():
        for at, thread in enumerate(threads):
            thread.start()
            while len(passes._waiting) <= at:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    return [answers[at] for at in range(len(calls))]


def assert_same(found: object, expected: Sequence[Activations]) -> None:
    assert isinstance(found, list), found
    for one, other in zip(found, expected, strict=True):
        assert one.vector.largest_difference(other.vector) <= 1e-4


def test_callers_that_wait_at_once_share_one_pass(route: Route) -> None:
    passes, prepared = SharedPasses(route), route.prepare(TEXTS)
    expected = route.encode(prepared, positions=False)
    found = together(passes, [[text] for text in prepared])
    assert passes.work.passes == 1
    for answer, one in zip(found, expected, strict=True):
        assert_same(answer, [one])


def test_no_more_share_a_pass_than_fit(route: Route) -> None:
    prepared = route.prepare(TEXTS)
    route.pass_size = 3 * max(map(len, prepared))
    passes = SharedPasses(route)
    together(passes, [[text] for text in prepared])
    assert passes.work.passes == 4


def test_one_callers_error_is_not_anothers(route: Route) -> None:
    passes, prepared = SharedPasses(route), route.prepare(TEXTS[:3])
    expected = route.encode(prepared, positions=False)
    outside = np.array([10**6], dtype=np.int64)
    found = together(passes, [prepared[:1], [outside], prepared[1:]])
    assert_same(found[0], expected[:1])
    assert isinstance(found[1], Exception)
    assert_same(found[2], expected[1:])
    assert_same(passes.encode(prepared, positions=False), expected)


def test_ctrl_c_in_one_thread_leaves_the_others_work_to_be_done(route: Route) -> None:
    interrupts = [KeyboardInterrupt()]

    def fault(_: object) -> None:
        if interrupts:
            raise interrupts.pop()

    prepared = route.prepare(TEXTS)
    expected = route.encode(prepared, positions=False)
    found = together(SharedPasses(Faulty(route, fault)), [[text] for text in prepared])
    stopped = [at for at, answer in enumerate(found) if isinstance(answer, KeyboardInterrupt)]
    assert len(stopped) == 1
    for at in set(range(len(TEXTS))) - set(stopped):
        assert_same(found[at], expected[at : at + 1])


def test_a_pass_out_of_memory_is_halved_and_the_size_that_fits_is_remembered(route: Route) -> None:
    tried = []

    def fault(batch: Sequence[Prepared]) -> None:
        tried.append(len(batch))
        if len(batch) > 3:
            raise MemoryError

    prepared = route.prepare(TEXTS)
    expected = route.encode(prepared, positions=False)
    passes = SharedPasses(Faulty(route, fault))
    assert_same(passes.encode(prepared, positions=False), expected)
    assert tried == [12, 6, 3, 3, 3, 3]
    assert passes.work.halvings == 2
    assert_same(passes.encode(prepared, positions=False), expected)
    assert passes.work.halvings == 2
    assert all(len(batch) <= 3 for batch in batches([len(text) for text in prepared], passes.route.pass_size))


def test_a_text_that_does_not_fit_alone_is_an_error(route: Route) -> None:
    def fault(_: object) -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        SharedPasses(Faulty(route, fault)).encode(route.prepare(TEXTS), positions=False)


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_positions_are_kept_only_where_they_are_asked_for(encoder: Encoder, backend: Backend) -> None:
    route = loaded(encoder, backend)
    prepared = route.prepare(TEXTS)
    asked, not_asked = (route.encode(prepared, positions=positions) for positions in (True, False))
    assert all(one.positions is not None and len(one.positions) == len(one.vector) for one in asked)
    assert all(one.positions is None for one in not_asked)
