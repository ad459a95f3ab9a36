"""A bar is on the terminal while something is under way, and no longer: other bars come in between."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from postings_cli import bars
from postings_cli.bars import reindex_bar, steps_bar

HIDDEN, BACK = "\x1b[?25l", "\x1b[?25h"
EMPTY_LINE = "\r\x1b[1A\x1b[2K"


def drawn(terminal: io.StringIO) -> bool:
    """Whether a bar has a line of the terminal: it hides the cursor until it gives the line back, empty."""
    shown = terminal.getvalue()
    assert shown.count(HIDDEN) - shown.count(BACK) in (0, 1)
    if shown.rfind(HIDDEN) > shown.rfind(BACK):
        return True
    assert not shown or shown.endswith(BACK + EMPTY_LINE)
    return False


@pytest.fixture
def terminal() -> io.StringIO:
    return io.StringIO()


def on(terminal: io.StringIO) -> Console:
    return Console(file=terminal, force_terminal=True, force_interactive=True, width=80, _environ={})


def test_a_bar_is_there_while_something_is_under_way(terminal: io.StringIO) -> None:
    with steps_bar(on(terminal)) as show:
        assert not drawn(terminal)
        for what in ("encoding", "searching"):
            show(what, 1, 2)
            assert drawn(terminal)
            show(what, 2, 2)
            assert not drawn(terminal)
            assert what in terminal.getvalue()
        show("reading", 1, 0)
        assert drawn(terminal)
    assert not drawn(terminal)


def test_a_bar_ends_with_an_error(terminal: io.StringIO) -> None:
    def fail() -> None:
        with steps_bar(on(terminal)) as show:
            show("encoding", 1, 2)
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert not drawn(terminal)


def test_a_log_gets_a_line_from_time_to_time_in_place_of_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in (0, 3600):
        monkeypatch.setattr(bars, "SECONDS", seconds)
        with reindex_bar() as show, steps_bar() as step:
            show(1000, 20_000, 85.4)
            step("reading", 10, 0)
            step("encoding", 20, 2000)
    assert capsys.readouterr().err.splitlines() == [
        "reindexing: 1,000 of 20,000 passages, 85/s",
        "reading: 10",
        "encoding: 20 of 2,000",
    ]
