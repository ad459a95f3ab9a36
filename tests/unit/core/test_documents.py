from __future__ import annotations

import copy
import dataclasses
import datetime
import enum
import json
import math
import types
import uuid
from collections import ChainMap
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings.documents import MAX_ID_LENGTH, MAX_TEXT_LENGTH, MAX_VERSION, check_id, check_version
from postings.errors import InvalidDocument, InvalidInput
from tests.support.strategies import ids, json_values, metadata, versions


class Level(enum.IntEnum):
    HIGH = 3


class Pair(NamedTuple):
    left: int
    right: list[int]


def with_metadata(**metadata: Any) -> Document:
    return Document("a", "text", metadata=metadata)


def nested(levels: int) -> Any:
    value: Any = "leaf"
    for _ in range(levels):
        value = [value]
    return value


@given(
    ids,
    st.text(),
    st.text(),
    metadata,
    versions,
)
def test_a_document_holds_what_it_was_given(
    id: str, text: str, title: str, metadata: dict[str, Any], version: int | None
) -> None:
    if not text.strip() and not title.strip():
        with pytest.raises(InvalidDocument, match="has no text"):
            Document(id, text, title, metadata, version)
        return
    document = Document(id, text, title, metadata, version)
    assert (document.id, document.text, document.title, document.version) == (id, text, title, version)
    assert document.metadata == metadata
    assert json.loads(json.dumps(document.metadata, allow_nan=False)) == metadata


def storable(value: object) -> bool:
    """Whether Qdrant can store a value that isn't nested, or that is JSON already."""
    match value:
        case float():
            return math.isfinite(value)
        case int():
            return -(2**63) <= value < 2**63
        case _:
            return not isinstance(value, bytes)


@given(st.dictionaries(st.text(max_size=4), json_values | st.floats() | st.integers() | st.binary(), max_size=3))
def test_metadata_is_either_json_that_qdrant_can_store_or_refused(metadata: dict[str, Any]) -> None:
    if not all(map(storable, metadata.values())):
        with pytest.raises(InvalidDocument, match=r"^metadata\."):
            Document("a", "text", metadata=metadata)
        return
    document = Document("a", "text", metadata=metadata)
    assert document.metadata == metadata
    json.dumps(document.metadata, allow_nan=False).encode()


@pytest.mark.parametrize("text", ["", " ", "\n\t\r ", "\N{NO-BREAK SPACE}\N{EM SPACE}\N{IDEOGRAPHIC SPACE}"])
def test_a_document_needs_a_text_or_a_title(text: str) -> None:
    with pytest.raises(InvalidDocument, match="document 'a' has no text: text and title are empty"):
        Document("a", text, title=text)
    assert Document("a", text, title="Title").text == text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "id is empty"),
        ({"id": None}, "id must be a string, got NoneType"),
        ({"id": 7}, "id must be a string, got int"),
        ({"id": b"a"}, "id must be a string, got bytes"),
        ({"text": None}, "text must be a string, got NoneType"),
        ({"text": ["x"]}, "text must be a string, got list"),
        ({"title": None}, "title must be a string, got NoneType"),
        ({"title": 1}, "title must be a string, got int"),
        ({"metadata": None}, "metadata must be an object, got NoneType"),
        ({"metadata": [("a", 1)]}, "metadata must be an object, got list"),
        ({"metadata": "{}"}, "metadata must be an object, got str"),
        ({"version": -1}, r"version must be in 0..9007199254740991 \(2\*\*53 - 1\), got -1"),
        ({"version": 2**53}, "version must be in .*, got 9007199254740992"),
        ({"version": True}, "version must be an integer, got True"),
        ({"version": 1.0}, "version must be an integer, got 1.0"),
        ({"version": "1"}, "version must be an integer, got '1'"),
        ({"version": np.int64(1)}, "version must be an integer, got .*int64"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDocument, match=message):
        Document(**{"id": "a", "text": "text", **fields})


def test_an_id_and_a_text_are_required() -> None:
    with pytest.raises(TypeError, match="id"):
        Document(text="text")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="text"):
        Document(id="a")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("longest", "fields"),
    [
        (MAX_ID_LENGTH, ("id",)),
        (MAX_TEXT_LENGTH, ("text", "title")),
    ],
)
def test_lengths_are_counted_in_characters_and_limited(longest: int, fields: tuple[str, ...]) -> None:
    for name in fields:
        allowed: dict[str, Any] = {"id": "a", "text": "text", name: "é" * longest}
        assert len(getattr(Document(**allowed), name)) == longest
        with pytest.raises(
            InvalidDocument, match=f"{name} may have at most {longest:,} characters, got {longest + 1:,}"
        ):
            Document(**{**allowed, name: "é" * (longest + 1)})


@pytest.mark.parametrize("surrogate", [0xD800, 0xDC80, 0xDFFF])
@pytest.mark.parametrize(
    ("place", "fields"),
    [
        ("id", lambda bad: {"id": bad}),
        ("text", lambda bad: {"text": bad}),
        ("title", lambda bad: {"title": bad}),
        ("a key of metadata", lambda bad: {"metadata": {bad: 1}}),
        (r"a key of metadata\.inner\[1\]", lambda bad: {"metadata": {"inner": [0, {bad: float("nan")}]}}),
        (r"metadata\.lang", lambda bad: {"metadata": {"lang": bad}}),
        (r"metadata\.inner\[1\]\.x", lambda bad: {"metadata": {"inner": [0, {"x": bad}]}}),
    ],
)
def test_a_lone_surrogate_is_refused_everywhere(place: str, fields: Any, surrogate: int) -> None:
    message = rf"{place} isn't valid Unicode: a lone surrogate .* at character 2"
    with pytest.raises(InvalidDocument, match=message) as got:
        Document(**{"id": "a", "text": "text", **fields(f"ok{chr(surrogate)}")})
    str(got.value).encode()


def test_characters_outside_the_basic_plane_and_nul_are_allowed() -> None:
    assert Document("\0🦙", "\0𝔘🦙", metadata={"🦙": "\0"}).id == "\0🦙"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), np.float64("nan")])
def test_metadata_numbers_must_be_finite_at_any_depth(number: float) -> None:
    with pytest.raises(InvalidDocument, match=r"metadata\.a\[0\]\.b must be finite, got -?(nan|inf): JSON has no NaN"):
        with_metadata(a=[{"b": number}])


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 2**200])
def test_metadata_integers_must_fit_64_bits(number: int) -> None:
    with pytest.raises(InvalidDocument, match=r"metadata\.a\[0\] must fit in 64 bits, got "):
        with_metadata(a=[number])


def test_an_integer_too_long_to_be_written_is_still_reported() -> None:
    for number in (10**5000, -(10**5000)):
        with pytest.raises(InvalidDocument, match="got an integer of 16,610 bits"):
            with_metadata(a=number)
    with pytest.raises(InvalidDocument, match=r"version must be in .* got an integer of 16,610 bits"):
        Document("a", "text", version=10**5000)


def test_the_largest_and_smallest_integers_are_allowed() -> None:
    assert with_metadata(a=[2**63 - 1, -(2**63)]).metadata == {"a": [2**63 - 1, -(2**63)]}


def test_subclasses_of_json_types_become_plain_values() -> None:
    document = with_metadata(level=Level.HIGH, score=np.float64(0.5), proxy=types.MappingProxyType({"a": 1}))
    assert document.metadata == {"level": 3, "score": 0.5, "proxy": {"a": 1}}
    assert [type(value) for value in document.metadata.values()] == [int, float, dict]


@pytest.mark.parametrize(
    "value", [{1}, b"x", datetime.date(2020, 1, 1), uuid.UUID(int=0), object(), 1j, np.int64(1), np.ones(2), range(2)]
)
def test_metadata_that_is_not_json_is_refused(value: Any) -> None:
    with pytest.raises(InvalidDocument, match=rf"metadata\.a\.b must be a JSON value, got {type(value).__name__}"):
        with_metadata(a={"b": value})


@pytest.mark.parametrize("key", [1, None, True, 1.5, b"x", ("a",)])
def test_metadata_keys_must_be_strings(key: Any) -> None:
    with pytest.raises(InvalidDocument, match=r"the keys of metadata\.a must be strings, got .*"):
        with_metadata(a={key: 1})
    with pytest.raises(InvalidDocument, match=r"the keys of metadata must be strings, got .*"):
        Document("a", "text", metadata={key: 1})


def test_a_metadata_key_has_a_limited_length() -> None:
    assert with_metadata(**{"k" * 512: 1}).metadata
    with pytest.raises(InvalidDocument, match="a key of metadata may have at most 512 characters, got 513"):
        with_metadata(**{"k" * 513: 1})


def test_tuples_become_lists() -> None:
    assert with_metadata(a=(1, (2,), Pair(3, [4]))).metadata == {"a": [1, [2], [3, [4]]]}


def test_metadata_may_be_nested_32_levels_deep() -> None:
    assert with_metadata(a=nested(31)).metadata == {"a": nested(31)}
    for levels in (32, 33, 100_000):
        with pytest.raises(InvalidDocument, match=r"nested more than 32 levels deep at metadata\.a\[0\]"):
            with_metadata(a=nested(levels))


def test_metadata_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = [endless]
    with pytest.raises(InvalidDocument, match="nested more than 32 levels deep"):
        Document("a", "text", metadata=endless)


def test_metadata_is_copied_not_shared() -> None:
    source: dict[str, Any] = {"tags": ["a", {"b": 1}]}
    first, second = Document("a", "text", metadata=source), Document("b", "text", metadata=source)
    source["tags"][1]["b"] = 2
    source["new"] = 1
    assert first.metadata == second.metadata == {"tags": ["a", {"b": 1}]}
    assert first.metadata["tags"] is not second.metadata["tags"]


def test_any_mapping_may_be_metadata() -> None:
    assert Document("a", "text", metadata=ChainMap({"a": 1}, {"b": 2})).metadata == {"a": 1, "b": 2}


@pytest.mark.parametrize("version", [None, 0, 1, MAX_VERSION, Level.HIGH])
def test_a_version_is_a_non_negative_integer_that_a_float_can_hold(version: int | None) -> None:
    assert Document("a", "text", version=version).version == version


@pytest.mark.parametrize("check", [check_id, check_version])
def test_what_is_refused_is_an_invalid_input_and_a_value_error(check: Any) -> None:
    with pytest.raises(InvalidInput):
        check(None)
    with pytest.raises(ValueError, match="must be"):
        check([])


def test_a_message_stays_short_however_long_the_value_is() -> None:
    for version in ("9" * 10**6, ["x" * 10**6]):
        with pytest.raises(InvalidDocument) as got:
            Document("a", "text", version=version)  # type: ignore[arg-type]
        assert len(str(got.value)) < 300


def test_a_document_is_frozen_hashable_and_comparable() -> None:
    document = Document("a", "text", metadata={"tags": []}, version=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        document.text = "other"  # type: ignore[misc]
    assert document == copy.deepcopy(document)
    assert document != dataclasses.replace(document, version=2)
    assert document != dataclasses.replace(document, metadata={"tags": [1]})
    assert hash(document) == hash(copy.deepcopy(document))
