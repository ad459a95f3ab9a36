"""A hit survives JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from postings_query import Contribution, Hit

texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.floats(allow_nan=False, allow_infinity=False)
spans = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=3).map(tuple)
contributions = st.builds(
    Contribution,
    token=texts,
    index=st.integers(0, 2**31 - 1),
    query_weight=numbers,
    document_weight=numbers,
    contribution=numbers,
    evidence=spans,
    title_evidence=spans,
    exact_word=st.booleans(),
)
plain = st.builds(
    Hit,
    id=texts,
    score=numbers,
    title=texts,
    text=texts,
    metadata=st.dictionaries(texts, texts | st.integers() | st.none(), max_size=3),
    version=st.integers(0, 2**53 - 1),
    ordinal=st.integers(0, 9),
    start=st.integers(0, 9),
    end=st.integers(0, 9),
    contributions=st.lists(contributions, max_size=3).map(tuple),
)
reranked = st.builds(
    lambda hit, score, rank: Hit(
        **{**{n: getattr(hit, n) for n in Hit.__slots__}, "rerank_score": score, "search_rank": rank}
    ),
    plain,
    numbers | st.none(),
    st.integers(1, 50),
)


@given(plain | reranked)
def test_a_hit_survives_json(hit: Hit) -> None:
    assert Hit.from_json(json.loads(json.dumps(hit.to_json()))) == hit


@given(plain)
def test_without_contributions_the_rest_survives(hit: Hit) -> None:
    assert "contributions" not in hit.to_json(explain=False)
    assert Hit.from_json(hit.to_json(explain=False)).id == hit.id


@given(plain)
def test_what_a_newer_version_adds_is_ignored(hit: Hit) -> None:
    added = {**hit.to_json(), "added": 1}
    added["contributions"] = [{**each, "added": [1]} for each in added["contributions"]]
    assert Hit.from_json(added) == hit
