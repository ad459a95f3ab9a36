"""Sentences as passages of their own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from postings_training.data.rows import Row
from postings_training.runs.sentences import sentence_rows

TEXT = "It is warm in the wide savanna. There the lion hunts its prey by night. It sleeps for most of the day."


def test_a_row_comes_again_with_the_sentence_that_has_most_words_of_the_query() -> None:
    rows = [Row("when does the lion hunt its prey?", TEXT, source="zoo", doc_id="7")]
    assert sentence_rows(rows, 1, 0) == [
        Row(rows[0].query, "There the lion hunts its prey by night.", source="zoo", doc_id="7"),
    ]


def test_a_text_of_one_sentence_gives_none() -> None:
    rows = [Row("what hunts?", "A lion that is hungry hunts by night."), Row("what hunts?", "No. A lion. Or two.")]
    assert sentence_rows(rows, 1, 0) == []


@given(st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_share_of_the_rows_comes_again_the_same_each_time(share: float, seed: int) -> None:
    rows = [Row(f"what does lion {number} do?", TEXT) for number in range(200)]
    found = sentence_rows(rows, share, seed)
    assert found == sentence_rows(rows, share, seed)
    assert abs(len(found) - 200 * share) <= 45
