"""Evidence that is stored with passages: it explains hits as the model would, and is never that of something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from postings import Document, Encoder, Index, Settings, SparseVector
from postings.encoder.evidence import Evidence
from postings.errors import InvalidFilter
from postings.index import Point, SearchRequest
from postings.index.payload import (
    EVIDENCE,
    HIT_FIELDS,
    REVISION_FIELDS,
    evidence_from,
    passage_from,
    unchanged_since,
)
from postings.indexed_documents import export_documents, get_document
from postings.stored_evidence import pack
from postings_ingest import Pipeline
from postings_ingest.backfill import fill
from postings_query import Hit, SearchClient
from tests.support.models import quiet_tiny
from tests.support.sentences import LONG
from tests.support.tenants import ACME, FIELD, part

SETTINGS = Settings(words=0, passage_tokens=64, passage_overlap=8)
DOCUMENTS = [
    Document("1", "A cheetah is running behind its prey.", "Fast cats"),
    Document("2", "Zürich, naïve café: 東京 👩‍🚀 cats and prey e\u0301", "👩‍🚀"),
    Document("3", LONG, "A long story about horses", {"lang": "en"}),
    Document("4", "prey", "Cats " * 100),
]
QUERY = "which cats run fast behind their prey, and a horse?"

Change = Callable[[Point], Point]


def run(index: Index, encoder: Encoder, settings: Settings = SETTINGS, **metadata: Any) -> None:
    documents = [Document(each.id, each.text, each.title, {**each.metadata, **metadata}) for each in DOCUMENTS]
    Pipeline(encoder, index, settings).run(documents)


def stored(index: Index) -> list[Point]:
    return sorted(index.scroll(vectors=index.models().vectors), key=lambda each: each.id)


def change(index: Index, change: Change) -> None:
    index.upsert([change(each) for each in stored(index)])


def changed(point: Point, **fields: Any) -> Point:
    return Point(point.id, {**point.payload, **fields}, point.vectors)


def without(point: Point) -> Point:
    return Point(point.id, {name: each for name, each in point.payload.items() if name != EVIDENCE}, point.vectors)


def marked(encoder: Encoder) -> Change:
    """Says of each entry that the first character of the text activated it, which no model would."""

    def mark(point: Point) -> Point:
        vector = point.vectors[encoder.fingerprint]
        first = Evidence(np.array([[0, 1]]), np.ones(len(vector), np.int64))
        packed = pack(first, 0, encoder.fingerprint, vector, point.payload["title"], point.payload["text"])
        return changed(point, **{EVIDENCE: {**point.payload.get(EVIDENCE, {}), encoder.fingerprint[:8]: packed}})

    return mark


def explained(index: Index, encoder: Encoder) -> list[Hit]:
    hits = SearchClient(index=index, encoder=encoder, settings=SETTINGS).search(QUERY, 20, explain=True)
    assert len(hits) > 6
    return hits


def shows_the_mark(hit: Hit) -> bool:
    assert hit.contributions
    return all((each.evidence, each.title_evidence) == (((0, 1),), ()) for each in hit.contributions)


def test_hits_are_explained_as_the_model_would(empty_index: Index, encoder: Encoder) -> None:
    run(empty_index, encoder)
    hits = explained(empty_index, encoder)
    assert {"cats", "Fast"} <= {
        hit.title[start:end] for hit in hits for part in hit.contributions for start, end in part.title_evidence
    }
    change(empty_index, without)
    assert explained(empty_index, encoder) == hits
    change(empty_index, marked(encoder))
    assert all(map(shows_the_mark, explained(empty_index, encoder)))


def as_text(point: Point) -> Point:
    return changed(point, **{EVIDENCE: "AAAA"})


def as_number(point: Point) -> Point:
    return changed(point, **{EVIDENCE: dict.fromkeys(point.payload[EVIDENCE], 7)})


def cut(point: Point) -> Point:
    return changed(point, **{EVIDENCE: {name: packed[:-4] for name, packed in point.payload[EVIDENCE].items()}})


def with_other_text(point: Point) -> Point:
    return changed(point, text=f"The {point.payload['text']}")


def with_other_title(point: Point) -> Point:
    return changed(point, title=f"The {point.payload['title']}")


def test_evidence_of_something_else_is_not_shown(empty_index: Index, encoder: Encoder) -> None:
    run(empty_index, encoder)
    points = [marked(encoder)(each) for each in stored(empty_index)]
    for other in (as_text, as_number, cut, with_other_text, with_other_title):
        empty_index.upsert(map(other, points))
        hits = explained(empty_index, encoder)
        assert not any(map(shows_the_mark, hits))
        change(empty_index, without)
        assert explained(empty_index, encoder) == hits


def test_evidence_of_a_vector_that_was_replaced_is_not_shown(empty_index: Index, encoder: Encoder) -> None:
    run(empty_index, encoder)
    change(empty_index, marked(encoder))
    points = list(empty_index.scroll(fields=REVISION_FIELDS, vectors=[encoder.fingerprint]))
    smaller = [
        Point(each.id, {}, {name: SparseVector(vector.indices[1:], vector.values[1:])})
        for each in points
        for name, vector in each.vectors.items()
    ]
    empty_index.update_vectors(smaller, unchanged_since(points))
    assert not any(map(shows_the_mark, explained(empty_index, encoder)))
    # The same dims again: their evidence is right, whatever the weights are.
    fill(empty_index, encoder, points)
    assert all(map(shows_the_mark, explained(empty_index, encoder)))


def test_passages_that_are_copied_keep_it_and_those_of_a_dropped_model_lose_it(
    empty_index: Index, encoder: Encoder, tmp_path: Any
) -> None:
    other = Encoder.load(quiet_tiny(tmp_path), "cpu")
    run(empty_index, encoder)
    empty_index.add_model(other.fingerprint, other.location)
    change(empty_index, marked(encoder))
    run(empty_index, encoder, n=1)
    assert all(map(shows_the_mark, explained(empty_index, encoder)))
    # What the second model lacked was encoded with its evidence.
    for point in stored(empty_index):
        assert set(point.payload[EVIDENCE]) == {encoder.fingerprint[:8], other.fingerprint[:8]}
    hits = explained(empty_index, other)
    assert not any(map(shows_the_mark, hits))
    empty_index.switch_model(other.fingerprint)
    empty_index.drop_model(encoder.fingerprint)
    run(empty_index, other, n=2)
    run(empty_index, other, n=3)
    for point in stored(empty_index):
        assert set(point.payload[EVIDENCE]) == {other.fingerprint[:8]}
    assert [each.contributions for each in explained(empty_index, other)] == [each.contributions for each in hits]


def test_without_the_setting_nothing_is_stored_and_the_digests_are_the_same(
    empty_index: Index, encoder: Encoder
) -> None:
    run(empty_index, encoder)
    digests = {each.id: each.payload["digest"] for each in stored(empty_index)}
    empty_index.delete({"must": [{"key": "version", "range": {"gte": 0}}]})
    run(empty_index, encoder, SETTINGS.model_copy(update={"store_evidence": False}))
    points = stored(empty_index)
    assert {each.id: each.payload["digest"] for each in points} == digests
    assert all(EVIDENCE not in each.payload for each in points)
    assert any(part.evidence for hit in explained(empty_index, encoder) for part in hit.contributions)


def test_nobody_sees_it_or_filters_by_it(empty_index: Index, encoder: Encoder) -> None:
    run(empty_index, encoder)
    (query,) = encoder.encode_queries([QUERY])
    packed = {evidence_from(each.payload, encoder.fingerprint) for each in stored(empty_index)}
    assert None not in packed
    found = empty_index.search(SearchRequest(query, encoder.fingerprint, fields=HIT_FIELDS))
    assert all(EVIDENCE not in each.payload and passage_from(each.payload).text for each in found)
    read = get_document(empty_index, "3", vectors=[encoder.fingerprint])
    assert read is not None
    shown = [str(each.to_json(vectors=True)) for each in (read, *export_documents(empty_index))]
    shown += [str(hit) for hit in explained(empty_index, encoder)]
    assert not any(str(each) in one for each in packed for one in shown)
    with pytest.raises(InvalidFilter, match="no field is called 'evidence'"):
        SearchClient(index=empty_index, encoder=encoder, settings=SETTINGS).search(
            QUERY, filter={"must_not": [{"is_empty": {"key": "evidence"}}]}
        )


def test_a_tenants_hits_are_explained_from_it(empty_index: Index, encoder: Encoder) -> None:
    settings = SETTINGS.model_copy(update={"tenant_field": FIELD})
    Pipeline(encoder, empty_index, settings).run(
        Document(each.id, each.text, each.title, {FIELD: tenant}) for each in DOCUMENTS for tenant in ("acme", "globex")
    )
    change(empty_index, marked(encoder))
    assert all(map(shows_the_mark, explained(part(empty_index, ACME), encoder)))


def test_evidence_of_a_model_is_none_of_anothers(empty_index: Index, encoder: Encoder) -> None:
    run(empty_index, encoder)
    payload: Mapping[str, Any] = stored(empty_index)[0].payload
    assert evidence_from(payload, encoder.fingerprint)
    assert evidence_from(payload, "0" * 32) is None
