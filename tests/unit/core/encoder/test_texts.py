"""What is passed as texts and indices is read once, and what is wrong with it is said in words of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from postings import Encoder
from postings.errors import InvalidDocument, InvalidInput, InvalidQuery, InvalidVector

TEXTS = ["a lion hunts", "a cheetah is running"]

NO_TEXTS: list[tuple[Any, str]] = [
    ("a lion", r"got one string: pass \[text\]"),
    (b"a lion", "a list of strings, got bytes"),
    (7, "a list of strings, got int"),
    (None, "a list of strings, got NoneType"),
    ({"text": "a lion"}, "a list of strings, got dict"),
    (["a lion", None], r"text 1 must be a string, got None \(NoneType\)"),
    ([["a lion"]], r"text 0 must be a string, got \['a lion'\] \(list\)"),
    ([b"a lion"], "text 0 must be a string, got b'a lion'"),
    (["a \ud800 lion"], r"text 0 isn't valid Unicode: a lone surrogate '\\ud800' at character 2"),
]


@pytest.mark.parametrize(("texts", "message"), NO_TEXTS)
def test_what_is_no_texts_is_refused(encoder: Encoder, texts: Any, message: str) -> None:
    readers: list[tuple[Callable[[Any], Any], type[InvalidInput]]] = [
        (encoder.encode_documents, InvalidDocument),
        (encoder.encode_queries, InvalidQuery),
        (encoder.encode_for_storage, InvalidDocument),
        (lambda given: encoder.evidence(given, [[1], [1]]), InvalidDocument),
        (lambda given: list(encoder.stream_documents(given)), InvalidDocument),
    ]
    for read, error in readers:
        with pytest.raises(error, match=message):
            read(texts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"text must be a string, got None"),
        (7, r"text must be a string, got 7"),
        (["a lion"], r"text must be a string, got \['a lion'\]"),
        (b"a lion", r"text must be a string, got b'a lion'"),
        ("\udfff", r"text isn't valid Unicode"),
    ],
)
def test_what_is_no_text_is_refused(encoder: Encoder, text: Any, message: str) -> None:
    with pytest.raises(InvalidDocument, match=message):
        encoder.offsets(text)
    with pytest.raises(InvalidQuery, match=message):
        encoder.query_tokens_left_out(text)


def test_a_generator_gives_what_a_list_gives(encoder: Encoder) -> None:
    vectors = encoder.encode_documents(TEXTS)
    indices = [vector.indices for vector in vectors]
    assert encoder.encode_documents(iter(TEXTS)) == vectors
    assert encoder.encode_documents(np.array(TEXTS)) == vectors
    assert encoder.encode_queries(text for text in TEXTS) == encoder.encode_queries(TEXTS)
    stored, again = encoder.encode_for_storage(iter(TEXTS)), encoder.encode_for_storage(TEXTS)
    assert [(vector, found.lists()) for vector, found in stored] == [(vector, found.lists()) for vector, found in again]
    assert encoder.encode_and_measure(iter(TEXTS)) == (vectors, 0)
    assert encoder.evidence(iter(TEXTS), (iter(each.tolist()) for each in indices)) == encoder.evidence(TEXTS, indices)
    assert encoder.tokens(iter(indices[0].tolist())) == encoder.tokens(indices[0])


@pytest.mark.parametrize("indices", [None, 7, "7", ["7"], [None], [1.5], [-1], [2**31], [2**80], [[1]]])
def test_what_is_no_index_is_refused(encoder: Encoder, indices: Any) -> None:
    with pytest.raises(InvalidVector, match=r"^indices must"):
        encoder.tokens(indices)
    with pytest.raises(InvalidVector, match=r"^indices must"):
        encoder.evidence(["a lion"], [indices])


@pytest.mark.parametrize("indices", [[], [[1], [2]], None, 7])
def test_evidence_needs_indices_for_each_text(encoder: Encoder, indices: Any) -> None:
    with pytest.raises(InvalidInput, match="evidence needs"):
        encoder.evidence(["a lion"], indices)
