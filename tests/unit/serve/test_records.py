"""Documents in JSON become what the same records in a file of JSON Lines become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Document
from postings_ingest import Rejection
from postings_ingest.readers.jsonl import Decoder
from postings_ingest.readers.omissions import ignore
from postings_ingest.readers.sources import Source
from postings_ingest.tenants import NO_TENANTS
from postings_serve.http.bodies import parsed
from postings_serve.http.problems import Problem
from postings_serve.schemas.documents import DocumentsBody
from postings_serve.submission.records import documents_of
from postings_serve.submission.uploads import _plain
from tests.support.strategies import json_values

scalars = st.text(max_size=6) | st.integers() | st.floats() | st.booleans() | st.none()
records = st.fixed_dictionaries(
    {},
    optional={
        "id": scalars,
        "_id": scalars,
        "text": st.text(max_size=9) | json_values,
        "title": scalars | json_values,
        "metadata": st.dictionaries(st.text(max_size=4), json_values, max_size=2) | json_values,
        "version": st.integers(-1, 2**54) | scalars,
        "year": json_values | st.integers(-(2**200), 2**200),
    },
)


def read_as_lines(found: list[dict[str, Any]]) -> list[Document | None]:
    """The documents that a file of these records holds, with ``None`` for each that is rejected."""
    documents: list[Document | None] = []
    for record in found:
        rejected: list[Rejection] = []
        decoder = Decoder(Source("", "jsonl"), rejected.append, ignore)
        documents += list(decoder.documents([(1, json.dumps(record).encode())])) or [None]
        assert (documents[-1] is None) == bool(rejected)
    return documents


@given(st.lists(records, min_size=1, max_size=6))
def test_a_list_of_records_is_read_as_a_file_of_them(found: list[dict[str, Any]]) -> None:
    expected = read_as_lines(found)
    body = parsed(json.dumps({"documents": found}).encode(), DocumentsBody)
    if None not in expected:
        assert documents_of(body.documents, NO_TENANTS) == expected
        return
    with pytest.raises(Problem) as problem:
        documents_of(body.documents, NO_TENANTS)
    assert problem.value.more["position"] == expected.index(None)


@given(
    st.text(max_size=300)
    | st.sampled_from(["..", ".", "", "/", "a/..", "\\", "c:\\x\\..", "a\0b/../c", "🐆" * 300, "/" * 300 + "é" * 201])
)
def test_a_name_of_a_file_never_leaves_its_folder(name: str) -> None:
    plain = _plain(name)
    assert (Path("/folder") / plain).parent == Path("/folder")
    assert plain not in (".", "..", "")
    assert len(plain.encode()) <= 255
    assert "\0" not in plain
