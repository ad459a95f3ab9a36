"""Lines that arrive in pieces are those of a file."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings_ingest.readers import jsonl
from postings_serve.submission import lines
from postings_serve.submission.lines import Lines


def fed(pieces: list[bytes]) -> list[tuple[int, bytes]]:
    splitter = Lines()
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return [*found, *splitter.end()]


@given(st.lists(st.binary(max_size=12) | st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\x85", b"x" * 9]), max_size=12))
def test_pieces_are_split_as_a_file_is(pieces: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "MAX_LINE", 10)
        patch.setattr(jsonl, "MAX_LINE", 10)
        assert fed(pieces) == list(jsonl._lines(io.BytesIO(b"".join(pieces))))
