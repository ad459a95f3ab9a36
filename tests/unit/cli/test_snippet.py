"""The part of a long text that a search shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from postings_cli.snippet import snippet

TEXT = "Lions sleep all day. " * 30 + "A cheetah chases its prey. " + "Lions sleep all day. " * 30


def mark(word: str, weight: float = 1.0) -> tuple[int, int, float]:
    start = TEXT.index(word)
    return start, start + len(word), weight


def shown(*marks: tuple[int, int, float], length: int = 100) -> str:
    start, end = snippet(TEXT, marks, length)
    return TEXT[start:end]


def test_what_is_marked_is_shown_with_whole_words_around_it() -> None:
    part = shown(mark("prey"))
    assert "prey" in part
    assert len(part) <= 100
    assert set(part.split()) <= set(TEXT.split())


def test_the_marks_that_count_most_are_chosen() -> None:
    assert "cheetah" in shown(mark("Lions", 0.5), mark("cheetah", 1.0))
    assert shown(mark("Lions", 2.0), mark("cheetah", 1.0)).startswith("Lions")
    assert "cheetah" in shown(mark("Lions", 1.5), mark("cheetah", 1.0), mark("prey", 1.0))


def test_without_marks_the_start_is_shown() -> None:
    assert TEXT.startswith(shown())
    assert shown().endswith(" all")


@given(st.text(alphabet="ab \n", max_size=60), st.integers(1, 20), st.data())
def test_any_part_is_inside_the_text_and_holds_one_mark_that_fits(text: str, length: int, data: st.DataObject) -> None:
    first, end = sorted(data.draw(st.integers(0, len(text))) for _ in range(2))
    marks = [(first, end, 1.0)] if 0 < end - first <= length else []
    start, stop = snippet(text, marks, length)
    assert 0 <= start <= stop <= len(text)
    assert stop - start <= length
    assert all(start <= first and end <= stop for first, end, _ in marks)
