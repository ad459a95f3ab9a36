"""Counts of what became of documents."""

from __future__ import annotations

from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from postings.write_protocol import Outcome
from postings_ingest import Counts

COUNTS = st.builds(Counts, *[st.integers(0, 9)] * 6)


@given(COUNTS, COUNTS)
def test_counts_add_up_field_by_field(first: Counts, second: Counts) -> None:
    assert astuple(first + second) == tuple(a + b for a, b in zip(astuple(first), astuple(second), strict=True))
    assert (first + second).done == first.done + second.done


@given(st.lists(st.sampled_from(Outcome)))
def test_each_outcome_of_a_write_has_a_count(outcomes: list[Outcome]) -> None:
    counts = Counts.of(outcomes)
    assert counts.done == len(outcomes)
    assert counts.deleted == outcomes.count(Outcome.DELETED)


def test_a_job_is_finished_when_all_that_was_submitted_is_done() -> None:
    assert not Counts(submitted=3, indexed=1, failed=1).finished
    assert Counts(submitted=3, indexed=1, failed=1, deleted=1, unchanged=1).finished
