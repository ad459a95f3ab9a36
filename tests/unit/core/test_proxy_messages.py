"""What goes through the socket between two processes is read as it was written."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import SparseVector, errors
from postings.errors import (
    ConfigurationError,
    IndexRejected,
    InvalidFilter,
    InvalidInput,
    InvalidMessage,
    InvalidQuery,
    InvalidVector,
    MissingExtra,
    PostingsError,
)
from postings.index import IndexInfo, Point, ScoredPoint, SearchRequest
from postings.index.models import CollectionModels
from postings.index.protocol import FUSIONS, PointMissing, WordQuery
from postings.index.proxy import wire
from postings.index.proxy.conversion import (
    hits_from_json,
    info_from_json,
    info_to_json,
    points_from_json,
    points_to_json,
    request_from_json,
    request_to_json,
)
from postings.index.proxy.errors import error_from_json, error_to_json
from postings.index.proxy.vectors import vectors_from_text, vectors_to_text
from postings.index.proxy.wire import pack, receive
from postings.words import WordsConfig
from tests.support.strategies import json_values

weights = st.floats(width=32, allow_nan=False, allow_infinity=False).filter(bool)
vectors = st.dictionaries(st.integers(0, 2**31 - 1), weights, max_size=20).map(
    lambda pairs: SparseVector.from_pairs(pairs.items())
)
any_text = st.text(st.characters(exclude_categories=[]), max_size=20)
"""Also halves of surrogate pairs."""
payloads = st.dictionaries(any_text, json_values | any_text | st.integers(), max_size=4)
named = st.dictionaries(st.text(max_size=8), vectors, max_size=3)
points = st.builds(Point, st.uuids().map(str), payloads, named)
hits = st.builds(ScoredPoint, st.uuids().map(str), payloads, named, st.floats(allow_nan=False))
filters = st.none() | st.dictionaries(st.sampled_from(["must", "must_not", "should"]), json_values, max_size=2)
requests = st.builds(
    SearchRequest,
    vectors,
    st.text(max_size=8),
    limit=st.integers(1, 2**40),
    offset=st.integers(0, 2**40),
    filter=filters,
    score_threshold=st.none() | st.floats(allow_nan=False),
    with_vector=st.booleans(),
    words=st.none() | st.builds(WordQuery, vectors, st.floats(0, 1000), st.sampled_from(FUSIONS)),
    fields=st.none() | st.lists(any_text, max_size=3),
    corpus=filters,
)
configs = st.builds(
    WordsConfig,
    weight=st.floats(0, 1000),
    language=st.text(max_size=8),
    stemmer=st.none() | st.text(max_size=8),
    stopwords=st.none() | st.lists(any_text, max_size=3).map(tuple),
    average_length=st.none() | st.floats(0.01, 1e6),
    measured_on=st.integers(0, 2000),
    added=st.booleans(),
)
names = st.dictionaries(st.text(min_size=1, max_size=8), any_text.filter(bool), min_size=1, max_size=3)


def sent(message: dict[str, Any]) -> Any:
    """What the other end of a socket receives."""
    here, there = socket.socketpair()
    with here, there:
        sender = threading.Thread(target=here.sendall, args=(pack(message),))
        sender.start()
        received = receive(there)
        sender.join()
        return received


@given(st.lists(vectors, max_size=5))
def test_vectors_stay_as_they_are_to_the_bit(given: list[SparseVector]) -> None:
    read = vectors_from_text(vectors_to_text(given), [len(vector) for vector in given])
    assert read == given
    assert [vector.values.tobytes() for vector in read] == [vector.values.tobytes() for vector in given]
    assert not any(vector.values.flags.writeable or vector.indices.flags.writeable for vector in read)


@given(st.lists(points, max_size=4))
def test_points_stay_as_they_are(given: list[Point]) -> None:
    assert points_from_json(sent(points_to_json(given))) == given


@given(st.lists(hits, max_size=4))
def test_hits_stay_as_they_are(given: list[ScoredPoint]) -> None:
    assert hits_from_json(sent(points_to_json(given))) == given


@given(requests)
def test_searches_stay_as_they_are(request: SearchRequest) -> None:
    assert request_from_json(sent(request_to_json(request))) == request


@given(names, st.data(), st.none() | configs, st.integers(0), st.booleans())
def test_models_words_and_sizes_stay_as_they_are(
    named: dict[str, str], data: st.DataObject, words: WordsConfig | None, points: int, approximate: bool
) -> None:
    active, previous = (data.draw(st.sampled_from(sorted(named))) for _ in range(2))
    info = IndexInfo("articles", "here", CollectionModels(active, named, previous, words), points, approximate)
    read = info_from_json(sent(info_to_json(info)), "articles", "here")
    assert read == info
    assert list(read.models.names) == list(named)


@given(st.lists(st.dictionaries(any_text, json_values, max_size=3), max_size=4), st.data())
def test_messages_are_told_apart_wherever_the_socket_cuts_them(
    messages: list[dict[str, Any]], data: st.DataObject
) -> None:
    stream = b"".join(map(pack, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    here, there = socket.socketpair()
    with here, there:
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            here.sendall(stream[start:end])
        here.shutdown(socket.SHUT_WR)
        assert [receive(there) for _ in messages] == messages
        assert receive(there) is None


@given(st.binary(max_size=40))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(data)
        here.shutdown(socket.SHUT_WR)
        try:
            message = receive(there)
        except (ConnectionResetError, InvalidMessage):
            return
        assert message == (json.loads(data[4 : 4 + int.from_bytes(data[:4])]) if data else None)


def test_a_message_that_is_cut_off_is_a_broken_connection() -> None:
    whole = pack({"call": "count"})
    for end in range(1, len(whole)):
        here, there = socket.socketpair()
        with here, there:
            here.sendall(whole[:end])
            here.close()
            with pytest.raises(ConnectionResetError):
                receive(there)


def test_a_message_that_is_too_large_is_neither_sent_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    large = pack({"text": "x" * 3 * 2**20})
    monkeypatch.setattr(wire, "MAX_BYTES", 2**21)
    with pytest.raises(InvalidInput, match=r"^3 MiB are more than the 2 MiB that two processes send"):
        pack({"text": "x" * 3 * 2**20})
    here, there = socket.socketpair()
    with here, there:
        here.sendall(large[:100])
        with pytest.raises(InvalidMessage, match="up to 2097152 bytes, got one of 3145"):
            receive(there)


def test_values_that_json_cannot_say_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value, said in ((object(), "object isn't a type of JSON"), ({1}, "set isn't"), (deep, "nested too deeply")):
        with pytest.raises(InvalidInput, match=said):
            pack({"value": value})


any_entries = st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.floats(width=32)), max_size=4)


@given(st.lists(any_entries | vectors.map(lambda v: list(zip(v.indices, v.values, strict=True))), max_size=4))
def test_vectors_from_another_process_are_checked_as_any_other(given: list[list[tuple[int, float]]]) -> None:
    arrays = [
        (np.array([index for index, _ in each], np.int32), np.array([value for _, value in each], np.float32))
        for each in given
    ]
    text = vectors_to_text(SparseVector.unchecked(*each) for each in arrays)
    try:
        expected = [SparseVector(*each) for each in arrays]
    except InvalidVector as error:
        with pytest.raises(InvalidVector, match=re.escape(str(error))):
            vectors_from_text(text, list(map(len, given)))
    else:
        assert vectors_from_text(text, list(map(len, given))) == expected


def test_a_text_of_other_lengths_is_not_vectors() -> None:
    text = vectors_to_text([SparseVector([1, 2], [1.0, 2.0])])
    for wrong, lengths in ((text, [1]), (text, [3]), (text, [3, -1]), (text[4:], [2]), ("no base64", [1])):
        with pytest.raises(ValueError, match=r".+"):
            vectors_from_text(wrong, lengths)


def test_a_search_from_another_process_is_checked_as_any_other() -> None:
    good = request_to_json(SearchRequest(SparseVector([1], [1.0]), "m"))
    for wrong in ({"limit": 0}, {"limit": True}, {"offset": -1}, {"score_threshold": "1"}, {"using": 7}):
        with pytest.raises(InvalidQuery):
            request_from_json({**good, **wrong})
    with pytest.raises(InvalidFilter):
        request_to_json(SearchRequest(SparseVector([1], [1.0]), "m", filter="all"))  # type: ignore[arg-type]


def test_errors_are_raised_again_as_what_they_were() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PostingsError)]
    assert len(kinds) > 30
    for kind in [*kinds, PointMissing]:
        if kind is not MissingExtra:
            error = error_from_json(sent(error_to_json(kind("what \ud800 happened"))))
            assert type(error) is kind
            assert (str(error), error.retry) == ("what \ud800 happened", kind.retry)


def test_an_error_with_a_class_of_its_own_is_raised_as_the_class_above(caplog: pytest.LogCaptureFixture) -> None:
    class Odd(InvalidFilter):
        pass

    assert type(error_from_json(error_to_json(Odd("odd")))) is InvalidFilter
    missing = error_from_json(error_to_json(MissingExtra("torch", "encoding")))
    assert type(missing) is ConfigurationError
    assert "postings[torch]" in str(missing)
    assert not caplog.records


def test_what_is_no_error_of_ours_is_named_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        error = error_from_json(error_to_json(ZeroDivisionError("by zero")))
    assert type(error) is IndexRejected
    assert "ZeroDivisionError: by zero" in str(error)
    (record,) = caplog.records
    assert record.exc_info
