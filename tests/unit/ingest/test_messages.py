"""What travels through the queue, and what is made of anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.errors import InvalidMessage, NewerFormat
from postings_ingest import Deletion
from postings_ingest.operations import Operation
from postings_ingest.queue.messages import Unreadable, dump, pack, to_json, unpack
from tests.support.strategies import documents, ids, json_values, versions

text = st.text(max_size=40)
operations = documents | st.builds(Deletion, ids, versions)


@given(st.lists(operations, max_size=5))
def test_what_was_packed_is_unpacked_equal(sent: list[Operation]) -> None:
    payload = pack([dump(to_json(operation)) for operation in sent])
    assert json.loads(payload)["format"] == 1
    assert unpack(payload) == sent


@given(text | json_values.map(json.dumps))
def test_anything_else_is_refused(payload: str) -> None:
    with pytest.raises(InvalidMessage):
        unpack(payload)


@given(st.lists(json_values, min_size=1, max_size=4), documents)
def test_an_operation_that_cannot_be_read_does_not_spoil_the_others(bad: list[Any], good: Document) -> None:
    payload = pack([*map(json.dumps, bad), dump(to_json(good))])
    found = unpack(payload)
    assert found[-1] == good
    assert all(isinstance(each, Unreadable) for each in found[:-1])
    assert [each.raw for each in found[:-1] if isinstance(each, Unreadable)] == bad


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"upsert": {"id": "1"}}, "expected {'upsert': …} or {'delete': …}"),
        ({"upsert": {"id": "1", "text": "a", "color": "red"}}, "expected {'upsert': …}"),
        ({"upsert": {"id": "1", "text": "a"}, "delete": {"id": "1"}}, "expected {'upsert': …}"),
        ({"upsert": {"id": 1, "text": "a"}}, "id must be a string, got int"),
        ({"upsert": {"id": "1", "text": "a", "version": -1}}, "version must be in 0.."),
        ({"delete": {"id": ""}}, "id is empty"),
        ({"delete": {"id": "1", "version": "new"}}, "version must be an integer"),
    ],
)
def test_the_reason_says_what_is_wrong(raw: Any, reason: str) -> None:
    (found,) = unpack(pack([json.dumps(raw)]))
    assert isinstance(found, Unreadable)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("format", "reason"),
    [
        (0, "has format 0, expected 1$"),
        ("1", "has format '1', expected 1$"),
        (None, "has format None, expected 1$"),
        (True, "expected a payload with 'format'"),  # Python's True is 1
    ],
)
def test_another_format_is_refused(format: object, reason: str) -> None:
    with pytest.raises(InvalidMessage, match=reason) as caught:
        unpack(json.dumps({"format": format, "operations": None}))
    assert not isinstance(caught.value, NewerFormat)


def test_a_newer_format_asks_for_an_update() -> None:
    with pytest.raises(NewerFormat, match="the payload has format 2, expected 1: update this worker"):
        unpack('{"format": 2, "operations": []}')
