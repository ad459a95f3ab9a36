"""Ranges of ids cover all ids once, and are read back as they were written."""

from __future__ import annotations

import itertools
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import InvalidMessage
from postings_ingest.id_range import IdRange

BOUNDS = st.integers(0, 2**128)
RANGES = st.tuples(BOUNDS, BOUNDS).map(lambda bounds: IdRange(min(bounds), max(bounds)))


@given(st.uuids(), st.integers(1, 300))
def test_every_id_is_in_one_part(id: uuid.UUID, parts: int) -> None:
    assert [str(id) in part for part in IdRange().split(parts)].count(True) == 1


@given(RANGES, st.integers(1, 50))
def test_parts_follow_each_other_and_cover_the_range(ids: IdRange, parts: int) -> None:
    found = ids.split(parts)
    if ids.start < ids.end:
        assert (found[0].start, found[-1].end) == (ids.start, ids.end)
    assert all(one.end == two.start for one, two in itertools.pairwise(found))


@given(RANGES)
def test_a_range_is_read_back(ids: IdRange) -> None:
    assert IdRange.from_json(ids.to_json()) == ids


@given(RANGES, st.uuids())
def test_the_rest_begins_at_the_id(ids: IdRange, id: uuid.UUID) -> None:
    if str(id) in ids:
        assert ids.after(str(id)).first == str(id)
        assert str(id) not in ids.beyond(str(id))
        assert ids.after(str(id)).end == ids.beyond(str(id)).end == ids.end


@pytest.mark.parametrize("data", [None, {}, {"start": "0"}, {"start": "x", "end": "1"}, {"start": "2", "end": "1"}])
def test_anything_else_is_refused(data: object) -> None:
    with pytest.raises(InvalidMessage, match="range of ids"):
        IdRange.from_json(data)
