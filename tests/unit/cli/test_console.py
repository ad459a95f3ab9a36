"""What users wrote can't take the terminal over: one text is one line, and all of it is seen."""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from postings import EdgeIndex
from postings_cli.commands.search import show_hits
from postings_cli.console import err, out, print_json, printable, say
from postings_cli.rejected import Rejected
from postings_ingest import Rejection
from postings_query import Contribution, Hit
from tests.support.cli import Cli

EVERY = [chr(code) for code in range(sys.maxunicode + 1)]
MOVES_OR_HIDES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
any_text = st.text(st.characters())


def dangers(text: str) -> list[str]:
    return [
        each for each in text if unicodedata.category(each) in MOVES_OR_HIDES or unicodedata.bidirectional(each) in BIDI
    ]


@pytest.mark.parametrize("start", range(0, len(EVERY), 2**16))
def test_no_character_moves_the_cursor_hides_or_reorders_what_is_printed(start: int) -> None:
    for text in ("".join(EVERY[start : start + 2**16]), "".join(f"a{each}b" for each in EVERY[start : start + 2**16])):
        shown = printable(text)
        assert dangers(shown) == []
        assert len(shown) == len(text)
        assert len(shown.splitlines()) == 1


def test_what_can_be_seen_stays_as_it_is() -> None:
    for text in (
        "Zürich, naïve café: 東京",
        "مرحبا",
        "می\u200cخواهم",
        "क्\u200dष",
        "👩\u200d🚀 ❤\ufe0f\u200d🔥",
        "e\u0301",
    ):
        assert printable(text) == text
    assert printable("a\u200db \u200c1") == "a�b �1"
    assert printable("one\ntwo\tthree\r\x1b[31m\u202eevil\u2028\x85\ud800") == "one two three��[31m�evil���"


@given(st.text(st.sampled_from("\n\r\t\x1b\x85\u2028\u202e\u200b[]:abc/")), any_text)
def test_a_hit_is_as_many_lines_as_it_should_be(evil: str, other: str) -> None:
    text = f"{evil}lion{other}"
    part = Contribution(
        token=evil + other, index=0, query_weight=1.0, document_weight=1.0, contribution=1.0,
        evidence=((len(evil), len(evil) + 4),), title_evidence=(),
    )  # fmt: skip
    hit = Hit(
        id=other + evil + "x", score=1.0, title=evil + other, text=text, metadata={}, version=1, ordinal=0,
        start=0, end=len(text), contributions=(part,),
    )  # fmt: skip
    with out.capture() as captured:
        show_hits([hit])
    lines = captured.get().split("\n")
    assert len(lines) == 4
    assert lines[3] == ""
    assert dangers("".join(lines)) == []


@given(any_text, any_text)
def test_a_rejection_is_one_line(file: str, reason: str) -> None:
    with err.capture() as captured, Rejected(None) as rejected:
        rejected(Rejection(file, 3, f"{reason}[bold]:warning:\n", ""))
    assert captured.get().count("\n") == 1
    assert dangers(captured.get()[:-1]) == []
    assert captured.get().endswith("[bold]:warning: \n")


def test_markup_and_emoji_names_are_printed_as_they_are() -> None:
    with err.capture() as captured:
        say("[bold]title[/bold] :smile: [link=http://x]")
    assert captured.get() == "[bold]title[/bold] :smile: [link=http://x]\n"
    assert Text(printable("[red]")).plain == "[red]"


@given(st.dictionaries(any_text, any_text))
def test_json_says_the_same_and_holds_nothing_that_a_terminal_obeys(fields: dict[str, str]) -> None:
    with redirect_stdout(io.StringIO()) as printed:
        print_json(fields)
    assert json.loads(printed.getvalue()) == fields
    assert [each for each in dangers(printed.getvalue()) if each != "\n"] == []


def test_info_shows_a_models_name_without_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EdgeIndex(tmp_path, "articles") as index:
        index.ensure("0123abcd", "a\x1b[31m model\nfingerprint  forged")
    shown = Cli(str(tmp_path), capsys)("info", "--collection", "articles").out
    assert "\x1b" not in shown
    assert shown.count("\nfingerprint") == 1
