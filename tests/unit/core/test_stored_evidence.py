"""Evidence that is packed and stored: what comes back is what was packed for the same passage, or nothing."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import SparseVector
from postings.documents import Span
from postings.encoder.evidence import Evidence
from postings.stored_evidence import Packed, pack, unpack


@dataclass(frozen=True)
class Passage:
    """A passage with evidence; ``spans`` are in title, a space and text."""

    spans: list[list[Span]]
    fingerprint: str
    vector: SparseVector
    title: str
    text: str
    evidence: str = ""

    def packed(self) -> Packed:
        return Packed(self.evidence, self.vector, self.title, self.text, self.vector.indices)

    def unpacked(self) -> list[list[Span]] | None:
        (spans,) = unpack(self.fingerprint, [self.packed()])
        return spans


@st.composite
def passages(draw: st.DrawFn, fingerprints: st.SearchStrategy[str] = st.text(max_size=32)) -> Passage:
    """A passage whose evidence is anywhere: in the title, in the text, overlapping, or nowhere."""
    title, text = draw(st.text(max_size=30)), draw(st.text(max_size=300))
    indices = sorted(draw(st.sets(st.integers(0, 2**31 - 1), max_size=40)))
    vector = SparseVector(indices, np.ones(len(indices)))
    shown = draw(st.integers(0, len(title)))  # characters of the title that the model read
    text_start = shown + 1 if shown else 0
    in_title = st.lists(st.integers(0, shown), min_size=2, max_size=2, unique=True) if shown else st.nothing()
    in_text = st.lists(st.integers(0, len(text)), min_size=2, max_size=2, unique=True) if text else st.nothing()
    drawn = st.lists(
        st.none() | in_title.map(lambda ends: (0, ends)) | in_text.map(lambda ends: (1, ends)),
        min_size=len(indices),
        max_size=len(indices),
    )
    spans: list[list[Span]] = []
    read: dict[Span, int] = {}  # not in the order of the text
    numbers = []
    for place in draw(drawn):
        if place is None:
            spans.append([])
            numbers.append(0)
            continue
        start, end = sorted(place[1])
        began, own = (text_start, len(title) + 1) if place[0] else (0, 0)
        spans.append([(start + own, end + own)])
        numbers.append(read.setdefault((start + began, end + began), len(read) + 1))
    evidence = Evidence(np.array([*read], np.int64).reshape(-1, 2), np.array(numbers, np.int64))
    made = Passage(spans, draw(fingerprints), vector, title, text)
    return replace(made, evidence=pack(evidence, text_start, made.fingerprint, vector, title, text))


@given(passages())
def test_what_is_packed_comes_back(passage: Passage) -> None:
    assert passage.unpacked() == passage.spans


@given(passages(), st.data())
def test_evidence_of_something_else_is_none(passage: Passage, data: st.DataObject) -> None:
    more = SparseVector([*passage.vector.indices[:-1], 2**31 - 1], np.ones(max(len(passage.vector), 1)))
    others = [
        replace(passage, fingerprint=passage.fingerprint + "0"),
        replace(passage, title=passage.title + "x"),
        replace(passage, text="x" + passage.text),
        replace(passage, title=passage.title + passage.text, text=""),
        replace(passage, vector=more),
        replace(passage, vector=SparseVector(passage.vector.indices[:-1], passage.vector.values[:-1])),
    ]
    same = [each for each in others if each == passage]
    other = data.draw(st.sampled_from([each for each in others if each not in same]))
    assert other.unpacked() is None


@given(passages(), st.data())
def test_damaged_evidence_is_none(passage: Passage, data: st.DataObject) -> None:
    written = bytearray(base64.b64decode(passage.evidence))
    at = data.draw(st.integers(0, len(written) - 1))
    written[at] ^= data.draw(st.integers(1, 255))
    for damaged in (written, written[:at], written + b"\0"):
        assert replace(passage, evidence=base64.b64encode(damaged).decode()).unpacked() is None


@given(passages(), st.text() | st.binary().map(lambda content: base64.b64encode(content).decode()))
def test_anything_else_is_none(passage: Passage, anything: str) -> None:
    assert replace(passage, evidence=anything).unpacked() is None


def header(count: int, of_gap: int, of_length: int) -> bytes:
    return (count << 10 | of_gap << 5 | of_length).to_bytes(4, "big")


def forged(passage: Passage, body: bytes) -> Passage:
    """With anything as the evidence, and the right CRC."""
    belongs = zlib.crc32(f"{passage.fingerprint} {len(passage.title)} {passage.title}{passage.text}".encode())
    crc = zlib.crc32(body, zlib.crc32(passage.vector.indices.tobytes(), belongs))
    return replace(passage, evidence=base64.b64encode(crc.to_bytes(4, "big") + body).decode())


headers = st.binary(min_size=4, max_size=4) | st.builds(header, *[st.integers(0, 9)] * 3)


@given(passages(), headers, st.binary(max_size=200))
def test_nothing_beyond_the_passage_is_shown_even_if_the_crc_is_right(
    passage: Passage, header: bytes, bits: bytes
) -> None:
    spans = forged(passage, header + bits).unpacked()
    assert spans is None or len(spans) == len(passage.vector)
    characters = len(passage.title) + 1 + len(passage.text)
    assert all(0 <= start < end <= characters for found in spans or () for start, end in found)


@given(st.lists(st.tuples(passages(st.just("f")), st.none() | st.binary(max_size=100)), max_size=5), st.data())
def test_read_together_is_read_alone(drawn: list[tuple[Passage, bytes | None]], data: st.DataObject) -> None:
    read = []
    for passage, body in drawn:
        packed = (passage if body is None else forged(passage, data.draw(headers) + body)).packed()
        dims = passage.vector.indices.tolist()
        wanted = data.draw(st.lists(st.sampled_from(dims), unique=True)) if dims else []
        read.append(packed._replace(wanted=np.array(wanted, np.int32)))
    assert unpack("f", read) == [unpack("f", [each])[0] for each in read]


@pytest.mark.parametrize(
    ("dims", "body"),
    [
        pytest.param(2, header(2, 0, 0) + b"\xf0", id="a third span of two"),
        pytest.param(0, header(2**22 - 1, 0, 0), id="millions of spans of no dims"),
        pytest.param(2, header(1, 9, 0) + b"\x7f\xff", id="a span after the end"),
        pytest.param(2, header(1, 0, 9) + b"\x7f\xff", id="a span beyond the end"),
        pytest.param(9, header(1, 0, 0) + b"\xff", id="too few bits"),
        pytest.param(1, b"\0\0", id="too few bytes"),
    ],
)
def test_what_no_passage_can_have_is_none(dims: int, body: bytes) -> None:
    passage = Passage([], "f", SparseVector(range(dims), [1.0] * dims), "", "a text")
    assert forged(passage, body).unpacked() is None


def test_many_long_gaps_and_long_spans_come_back() -> None:
    title, text = "t" * 100_000, "x" * 2_000_000
    starts = np.arange(5000) * 397
    vector = SparseVector(np.arange(5000), np.ones(5000))
    read = np.stack([starts, starts + 1 + np.arange(5000) % 300], 1) + 7
    packed = pack(Evidence(read, np.arange(5000) + 1), 7, "f", vector, title, text)
    moved = [[(start - 7 + len(title) + 1, end - 7 + len(title) + 1)] for start, end in read.tolist()]
    assert unpack("f", [Packed(packed, vector, title, text, vector.indices)]) == [moved]


@pytest.mark.parametrize("dims", [0, 3])
def test_a_model_without_positions_takes_sixteen_characters(dims: int) -> None:
    vector = SparseVector(range(dims), [1.0] * dims)
    none = Evidence(np.empty((0, 2), np.int64), np.zeros(dims, np.int64))
    packed = pack(none, 0, "f", vector, "", "a text")
    assert len(packed) <= 16
    assert unpack("f", [Packed(packed, vector, "", "a text", vector.indices)]) == [[[]] * dims]
