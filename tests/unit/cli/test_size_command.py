"""``postings size``: what it takes, what it prints, and that the page for operators shows the same."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import suppress
from pathlib import Path

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st

from postings import Settings
from postings_cli.commands.size import MOST, shown, whole_number
from postings_cli.main import run
from postings_cli.sizing import Demand, Figure

PAGE = Path(__file__).parents[3] / "deploy" / "sizing.md"
TABLES = re.findall(r"^`(postings size [^`]+)`:\n\n((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
FIGURES = [
    *("passages", "memory_index", "memory_passages", "memory_shards", "memory_total", "disk_index", "disk_vectors"),
    *("disk_text", "disk_evidence", "disk_passages", "disk_logs", "disk_total", "shards", "replicas", "search_seconds"),
    *(
        "search_cores",
        "nodes",
        "per_node_memory",
        "per_node_disk",
        "core_hours",
        "cpu_workers",
        "gpu_hours",
        "gpu_workers",
    ),
    *("writing_hours", "redis"),
]


def test_the_page_has_tables() -> None:
    assert len(TABLES) >= 2
    assert re.search(r"-d 1e6 -d 1e8 -d 1e10", TABLES[0][0])


@pytest.mark.parametrize(("command", "table"), TABLES)
def test_a_table_of_the_page_is_what_the_command_prints(
    command: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out == table


def test_json_has_these_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["size", "--documents", "1e6", "-d", "2M", "--dims", "120", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["asked", "sizes", "figures"]
    assert [each["documents"] for each in found["sizes"]] == [1_000_000, 2_000_000]
    for each in found["sizes"]:
        assert list(each) == ["documents", *FIGURES]
        assert all(isinstance(value, int | float) and value >= 0 for value in each.values())
    assert list(found["figures"]) == FIGURES
    assert {tuple(each) for each in found["figures"].values()} == {("unit", "how")}
    assert found["asked"]["dims"] == 120
    assert set(found["asked"]) == set(Demand.__dataclass_fields__) - {"documents"}


def test_it_says_when_searches_need_more_replicas(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["size", "-d", "1e6", "--searches", "100000"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    wanted = re.fullmatch(r"1,000,000 documents: .*; pass --replicas (\d+)", line)
    assert wanted
    assert run(["size", "-d", "1e6", "--searches", "100000", "--replicas", wanted[1]]) == 0
    assert capsys.readouterr().err == ""


@given(st.integers(1, MOST))
def test_a_number_is_read_in_each_way_of_writing_it(number: int) -> None:
    written = {str(number), f"{number:_}", f"{number:,}", f"{number}e0"}
    for suffix, factor in (("k", 10**3), ("M", 10**6), ("B", 10**9)):
        if number % factor == 0:
            written |= {f"{number // factor}{suffix}", f"{number // factor}e{len(str(factor)) - 1}"}
    assert {whole_number(each) for each in written} == {number}


@given(st.text())
def test_any_text_is_a_number_of_documents_or_refused(text: str) -> None:
    with suppress(typer.BadParameter):
        assert 1 <= whole_number(text) <= MOST


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "nan", "inf", "1e14", "1e999999999", "sNaN", "many", "M", "1kk"]
)
def test_what_is_no_number_of_documents_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["size", f"--documents={text}"]) == 2
    assert "expected a whole number" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "option",
    [
        "--dims=0",
        "--passages-per-document=nan",
        "--passages-per-document=inf",
        "--p99=1",
        "--datatype=int4",
        "--replicas=0",
        f"--dims={10**400}",
    ],
)
def test_an_option_out_of_range_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["size", "-d", "1e6", option]) == 2
    assert option.partition("=")[0] in capsys.readouterr().err


@given(st.integers(0, 10**20))
@example(999_499)
@example(999_500)
def test_bytes_are_shown_to_three_digits(number: int) -> None:
    digits, unit = shown(Figure("disk", number, "bytes", "")).split()
    factor = 1000 ** ("B", "kB", "MB", "GB", "TB", "PB", "EB").index(unit)
    assert float(digits) * factor == pytest.approx(number, rel=0.006)
    assert "e" not in digits


def test_the_queue_waits_at_the_settings_own_limit() -> None:
    assert Demand(documents=1).queue_limit == Settings.model_fields["queue_limit"].default
