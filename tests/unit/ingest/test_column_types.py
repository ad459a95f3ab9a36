"""The columns of CSV and TSV have types: the one as which every cell reads, or the one that is declared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import ReaderError
from postings_ingest.readers.cells import guess_types
from tests.support.reading import read, write


def metadata_of(path: str | Path, **options: Any) -> list[dict[str, Any]]:
    found, rejections = read(path, **options)
    assert rejections == []
    return [dict(document.metadata) for document in found]


def values(tmp_path: Path, cells: list[str], **options: Any) -> list[Any]:
    lines = "".join(f"{number},x,{cell}\n" for number, cell in enumerate(cells))
    return [each["column"] for each in metadata_of(write(tmp_path / "a.csv", f"id,text,column\n{lines}"), **options)]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2020", "-7", "0"], [2020, -7, 0]),
        (["2020", "", " 7 ", "NaN"], [2020, None, 7, None]),
        (["2.5", "30", "-1.5e3", "nan", ".5", "1e-5", "2E+4"], [2.5, 30.0, -1500.0, None, 0.5, 1e-5, 2e4]),
        (["12E3", "1e5"], ["12E3", "1e5"]),
        (["1.5", "1e5"], ["1.5", "1e5"]),
        (["9007199254740992", "-9007199254740992", "0.5"], [2.0**53, -(2.0**53), 0.5]),
        (["9007199254740993", "0.5"], ["9007199254740993", "0.5"]),
        (["0.5", "-9007199254740993"], ["0.5", "-9007199254740993"]),
        (["9007199254740993", "1", ""], [2**53 + 1, 1, None]),
        (["true", "FALSE", "", "True"], [True, False, None, True]),
        (["9223372036854775807", "-9223372036854775808"], [2**63 - 1, -(2**63)]),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"]),
        (["12345678901234567890", "0.5"], ["12345678901234567890", "0.5"]),
        (["01234", "10115"], ["01234", "10115"]),
        (["1.5", "007"], ["1.5", "007"]),
        (["+4930", "30"], ["+4930", "30"]),
        (["2020", "unknown", ""], ["2020", "unknown", ""]),
        (["true", "1"], ["true", "1"]),
        (["1", "true"], ["1", "true"]),
        (["1", "0"], [1, 0]),
        (["1_000", "1"], ["1_000", "1"]),
        (["٣"], ["٣"]),
        (["1.0e999", "1"], ["1.0e999", "1"]),
        (["inf", "1"], ["inf", "1"]),
        (["2024-01-02"], ["2024-01-02"]),
        (["", ""], ["", ""]),
        (["nan", ""], ["nan", ""]),
        (["9" * 5000], ["9" * 5000]),
    ],
)
def test_a_column_has_the_type_as_which_all_its_cells_read(
    tmp_path: Path, cells: list[str], expected: list[Any]
) -> None:
    got = values(tmp_path, cells)
    assert got == expected
    assert list(map(type, got)) == list(map(type, expected))


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1))
def test_integers_are_read_back_whatever_their_order(numbers: list[int | None]) -> None:
    cells = [["" if number is None else str(number)] for number in numbers]
    assert guess_types(cells, [0]) == {0: "text" if set(numbers) == {None} else "integer"}
    exact = all(abs(number) <= 2**53 for number in numbers if number is not None)
    for mixed in ([*cells, ["0.5"]], [["0.5"], *cells]):
        assert guess_types(mixed, [0]) == {0: "float" if exact else "text"}
    assert guess_types([["x"], *cells], [0]) == guess_types([*cells, ["x"]], [0]) == {0: "text"}


def test_the_last_cell_of_a_large_file_decides(tmp_path: Path) -> None:
    cells = ["1"] * 20_000
    assert values(tmp_path, cells) == [1] * 20_000
    assert values(tmp_path, [*cells, "one"]) == [*cells, "one"]


def test_a_record_that_is_rejected_does_not_decide(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,text,year\n1,x,2020\n2,x,many,cells\n3,"open\n')
    found, rejections = read(path)
    assert [document.metadata for document in found] == [{"year": 2020}]
    assert [rejection.line for rejection in rejections] == [3, 4]


def test_ids_texts_and_titles_stay_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,text,title,metadata\n007,1,true,5\n")
    ((document,), _) = read(path)
    assert (document.id, document.text, document.title) == ("007", "1", "true")
    assert document.metadata == {"metadata": 5}


@pytest.mark.parametrize(
    ("type", "cells", "expected"),
    [
        ("text", ["2020", ""], ["2020", ""]),
        ("integer", ["007", "+5", "", "7.0"], [7, 5, None, 7]),
        ("float", ["1", "2.50", "+.5", "1e5"], [1.0, 2.5, 0.5, 1e5]),
        ("boolean", ["1", "no", "True", ""], [True, False, True, None]),
        ("int", ["5"], [5]),
        ("bool", ["0"], [False]),
        ("string", ["5"], ["5"]),
    ],
)
def test_a_declared_type_counts(tmp_path: Path, type: str, cells: list[str], expected: list[Any]) -> None:
    got = values(tmp_path, cells, types={"column": type})
    assert repr(got) == repr(expected)


@pytest.mark.parametrize(
    ("type", "cell", "reason"),
    [
        ("integer", "2.5", "column must be an integer, got '2.5'"),
        ("float", "1.2.3", "column must be a float, got '1.2.3'"),
        ("boolean", "maybe", "column must be a boolean, got 'maybe'"),
        ("integer", "9" * 5000, "column must be an integer, got '999"),
    ],
)
def test_a_cell_that_is_not_of_its_declared_type_rejects_its_record(
    tmp_path: Path, type: str, cell: str, reason: str
) -> None:
    path = write(tmp_path / "a.csv", f"id,text,column\na,x,{cell}\ngood,x,1\n")
    found, (rejection,) = read(path, types={"column": type})
    assert [document.id for document in found] == ["good"]
    assert rejection.line == 2
    assert rejection.reason.startswith(reason)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"yaer": "integer"}, "'yaer' can't have a type: expected columns of metadata, 'year'"),
        ({"id": "integer"}, "'id' can't have a type"),
        ({"year": "number"}, "the type of column 'year' must be one of text, integer, float, boolean, got 'number'"),
    ],
)
def test_a_type_that_cannot_be_is_reported(tmp_path: Path, types: dict[str, str], message: str) -> None:
    with pytest.raises(ReaderError, match=message):
        read(write(tmp_path / "a.csv", "id,text,year\n1,x,2020\n"), types=types)


def test_tsv_has_no_quoting(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'id\ttext\tsize\n1\t"open\t5"\n2\the said ""so", ok;\t"6"\r\n3\ta,b\n')
    found, (rejection,) = read(path)
    assert [(document.text, document.metadata) for document in found] == [
        ('"open', {"size": '5"'}),
        ('he said ""so", ok;', {"size": '"6"'}),
    ]
    assert (rejection.line, rejection.reason) == (4, "expected 3 cells as in the first line, got 2")


def test_tabs_with_quotes_are_read_as_csv(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'id\ttext\n1\t"a\tb"\n')
    ((document,), _) = read(path, format="csv")
    assert document.text == "a\tb"


READ = """
import sys
from postings_ingest import read_documents
for document in read_documents(sys.argv[1], print, format="csv"):
    print(document.id, dict(document.metadata))
"""


def test_types_are_told_from_all_of_standard_input_and_of_a_pipe(tmp_path: Path) -> None:
    content = b"id,text,year\n1,x,2020\n2,y,\n"
    expected = b"1 {'year': 2020}\n2 {'year': None}\n"
    run = subprocess.run([sys.executable, "-c", READ, "-"], input=content, capture_output=True, check=True)
    assert run.stdout == expected
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", 'printf "id,text,year\n1,x,2020\n2,y,\n" > "$0"', str(tmp_path / "pipe")]):
        run = subprocess.run([sys.executable, "-c", READ, tmp_path / "pipe"], capture_output=True, check=True)
    assert run.stdout == expected
