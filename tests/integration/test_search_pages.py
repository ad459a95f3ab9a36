"""Pages of hits are slices of one list, whatever ties."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postings import Encoder, Index, SparseVector
from postings.documents import Passage
from postings.index import ScoredPoint, SearchRequest
from postings.index.payload import passage_point
from postings_query import Hit, SearchClient
from postings_query.grouping import best_of_documents
from tests.contract.test_index import same_index_for_all_examples
from tests.support.examples import examples


@pytest.mark.parametrize("grouped", [False, True])
def test_pages_are_slices_of_the_whole(client: SearchClient, grouped: bool) -> None:
    whole = client.search("a man riding horses", limit=100, group_by_document=grouped)
    pages = [client.search("a man riding horses", 3, offset, group_by_document=grouped) for offset in (0, 3, 6)]
    assert [hit for page in pages for hit in page] == whole[:9]


_runs = itertools.count()
_TEXTS = ["All rights reserved.", "See the terms of use.", "Drums."]
_texts = st.lists(st.sampled_from(_TEXTS), min_size=1, max_size=3)


@settings(same_index_for_all_examples, max_examples=examples(10))
@given(
    documents=st.lists(_texts, min_size=1, max_size=50),
    limit=st.integers(1, 20),
    starts=st.sets(st.integers(0, 50), min_size=1, max_size=4),
    above=st.booleans(),
)
def test_pages_of_documents_and_passages_are_slices_of_one_list_whatever_ties(
    index: Index, encoder: Encoder, documents: list[list[str]], limit: int, starts: set[int], above: bool
) -> None:
    index.ensure(encoder.fingerprint, encoder.name)
    run = next(_runs)
    vectors = dict(zip(_TEXTS, encoder.encode_documents(_TEXTS), strict=True))
    points = []
    for number, texts in enumerate(documents):
        for ordinal, text in enumerate(texts):
            passage = Passage(f"{run} {number}", ordinal, 0, len(text), text, "", {"run": run}, 1, len(texts))
            points.append(passage_point(passage, {encoder.fingerprint: vectors[text]}))
    index.upsert(points)
    client = SearchClient(index=index, encoder=encoder)
    of_run = {"must": [{"key": "metadata.run", "match": {"value": run}}]}

    def pages_are_slices_of(whole: list[Hit], **options: Any) -> None:
        for start in starts | {max(len(whole) - 1, 0)}:
            page = client.search("terms of use, all rights", limit, start, of_run, **options)
            assert page == whole[start : start + limit]

    passages = client.search("terms of use, all rights", 1000, 0, of_run)
    ids = {(point.payload["doc_id"], point.payload["ordinal"]): point.id for point in points}
    assert passages == sorted(passages, key=lambda hit: (-hit.score, ids[hit.id, hit.ordinal]))
    pages_are_slices_of(passages)
    best: dict[str, Hit] = {}
    for hit in passages:
        best.setdefault(hit.id, hit)
    pages_are_slices_of(list(best.values()), group_by_document=True)
    for score in {hit.score for hit in passages}:
        threshold = float(np.nextafter(np.float32(score), np.float32(math.inf))) if above else score
        expected = [hit for hit in best.values() if hit.score >= threshold]
        pages_are_slices_of(expected, group_by_document=True, score_threshold=threshold)
    index.delete(of_run)


def grouped(index: Index, requests: list[SearchRequest], most: int) -> list[list[ScoredPoint]]:
    search, answer = best_of_documents(requests, most, consistent=False), None
    try:
        while True:
            answer = search.send(answer)(index)
    except StopIteration as end:
        found: list[list[ScoredPoint]] = end.value
        return found


def test_large_documents_with_the_best_passages_hide_no_others(index: Index, encoder: Encoder) -> None:
    index.ensure(encoder.fingerprint, encoder.name)
    run = next(_runs)
    for number, passages in enumerate((30, 20, 1, 1, 1)):
        vectors = {encoder.fingerprint: SparseVector([1], [float(5 - number)])}
        index.upsert(
            passage_point(Passage(f"{run} {number}", ordinal, 0, 0, "", "", {"run": run}, 1, passages), vectors)
            for ordinal in range(passages)
        )
    filter = {"must": [{"key": "metadata.run", "match": {"value": run}}]}
    requests = [
        SearchRequest(SparseVector([1], [1.0]), encoder.fingerprint, limit, offset, filter)
        for limit, offset in ((4, 0), (2, 2), (100, 0))
    ]
    found = [[point.payload["doc_id"] for point in points] for points in grouped(index, requests, most=10)]
    assert found == [[f"{run} {number}" for number in numbers] for numbers in (range(4), (2, 3), range(5))]
