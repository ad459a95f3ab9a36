"""A passage's id is made of its document's id and its number, and never changes."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from postings.documents import Passage, point_id
from tests.support.strategies import ids

tricky_ids = ids | st.text("01:", min_size=1, max_size=4)


@given(st.lists(st.tuples(tricky_ids, st.integers(0, 12)), max_size=20))
def test_point_ids_are_uuids_and_differ_exactly_when_document_or_ordinal_do(pairs: list[tuple[str, int]]) -> None:
    points = {pair: point_id(*pair) for pair in pairs}
    assert len(set(points.values())) == len(points)
    assert points == {pair: point_id(*pair) for pair in pairs}
    assert all(str(uuid.UUID(point)) == point for point in points.values())


def test_ids_that_look_like_ordinals_do_not_collide() -> None:
    tricky = ["a", "1:a", "0:a", "a:1", "0", "1", "0:1", "1:1", ":", "1:", ":1", "00:1", "10:a"]
    points = {point_id(id, ordinal) for id in tricky for ordinal in range(12)}
    assert len(points) == len(tricky) * 12


def test_a_point_id_never_changes() -> None:
    # An index on disk depends on it.
    assert point_id("intro", 0) == "3b3d47ff-d2ab-5a93-976d-b80ac7e303a1"
    passage = Passage("intro", 0, 0, 4, "text", "", {}, 1, 1)
    assert passage.id == point_id("intro", 0)
