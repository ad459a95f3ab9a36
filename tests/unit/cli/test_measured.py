"""The constants of ``postings size`` are those of the benchmarks' tables, and what they predict was measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from postings_cli import measured
from postings_cli.sizing import Demand, sizes

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "benchmarks" / "results"
SHAPE: dict[str, Any] = {"dims": 165, "words": 50, "characters": 764, "evidence": False}
"""What a passage of ``benchmarks.scale`` and ``benchmarks.sizing`` has, as the latter's page says."""


def rows(page: str, label: str) -> list[list[str]]:
    """The cells of a page's rows that begin with this label."""
    found = re.findall(rf"^\| {re.escape(label)} \|(.*)\|$", (RESULTS / page).read_text(), re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in found]


def numbers(page: str, label: str) -> list[float]:
    return [float(cell.replace(",", "")) for cell in rows(page, label)[0] if re.fullmatch(r"[\d,.]+", cell)]


def figures(passages: int, **changed: Any) -> dict[str, float]:
    demand = Demand(**{"documents": passages, "p99": 5000, **SHAPE, **changed})
    return {each.name: each.value for each in sizes(demand)}


SCALE = re.split(r"^## (?=[\d,]+ passages)", (RESULTS / "scale.md").read_text(), flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("section", SCALE, ids=[each.partition("\n")[0] for each in SCALE])
def test_what_is_predicted_of_a_collection_was_measured(section: str) -> None:
    passages = int(section.partition(" ")[0].replace(",", ""))
    model, hybrid = (
        re.findall(rf"^\| embedded, {way} \| (.*) \|$", section, re.MULTILINE)[0].split(" | ")
        for way in ("model", "hybrid")
    )
    predicted = figures(passages)
    assert predicted["shards"] == 1
    assert predicted["memory_total"] / 1e6 == pytest.approx(float(model[1]), rel=0.2)
    if passages >= 100_000:  # small collections have neither index files nor a full log
        assert predicted["disk_total"] / 1e6 == pytest.approx(float(model[2]), rel=0.1)
    if passages >= 1_000_000:  # in small ones, a busy machine decides
        for way, row in (("model", model), ("hybrid", hybrid)):
            assert float(row[4]) <= measured.SEARCH[way].at(passages) <= 2 * float(row[4])


@pytest.mark.parametrize("datatype", measured.INDEXED_POSTING)
def test_bytes_of_a_posting_and_of_a_passage_are_those_of_the_benchmark(datatype: str) -> None:
    _, index, vectors, payload, fields, log, other, _ = numbers("sizing.md", datatype)
    postings = SHAPE["dims"] + SHAPE["words"]
    assert measured.INDEXED_POSTING[datatype] == pytest.approx(index / postings, rel=0.03)
    assert pytest.approx(vectors / postings, rel=0.03) == measured.STORED_POSTING
    assert pytest.approx(payload / SHAPE["characters"], rel=0.03) == measured.CHARACTER
    assert pytest.approx(fields + other, rel=0.03) == measured.PASSAGE_ON_DISK
    assert pytest.approx(200_000 * log, rel=0.03) == measured.LOG


def test_the_shape_of_the_measured_passages_is_that_of_the_benchmark() -> None:
    said = re.search(
        r"with ([\d.]+) active dims, ([\d.]+) words and (\d+) characters", (RESULTS / "sizing.md").read_text()
    )
    assert said
    assert [float(each) for each in said.groups()] == pytest.approx(list(SHAPE.values())[:3], rel=0.005)


def test_bytes_of_evidence_are_those_of_the_benchmark() -> None:
    (row,) = rows("explain.md", "evidence of a passage")
    characters, dims = float(row[0].split()[0]), float(row[2].split()[0])
    assert pytest.approx(characters / dims, rel=0.01) == measured.EVIDENCE_DIM


@pytest.mark.parametrize("model", measured.MODELS)
def test_a_core_encodes_half_of_what_two_did(model: str) -> None:
    (row,) = (row for row in rows("encode.md", model) if row[0].startswith("nfcorpus") and row[1] == "onnx")
    assert measured.MODELS[model].tokens == float(row[3].replace(",", "")) / 2


def test_operations_explain_why_one_model_takes_longer_than_another() -> None:
    """Both took nearly all of their time in matrix products, so operations a second must be alike."""
    small, large = (measured.MODELS[name] for name in ("MiniLM-L6", "BERT-base"))
    assert small.operations(220) * small.tokens == pytest.approx(large.operations(220) * large.tokens, rel=0.2)


def test_redis_holds_what_the_benchmark_queued() -> None:
    sent = rows("ingest_memory.md", "100,000")
    full, empty = (2**20 * float(row[-1]) for row in sent)
    assert empty == measured.QUEUE
    assert pytest.approx((full - empty) / 10_000 / SHAPE["characters"], rel=0.01) == measured.QUEUED_CHARACTER


def test_the_page_names_each_constant_with_its_value() -> None:
    page = (ROOT / "deploy" / "sizing.md").read_text(encoding="utf-8")
    named = dict(re.findall(r"^\| `([A-Z_0-9]+)` \| ([^|]+) \|", page, re.MULTILINE))
    constants = {name for name in vars(measured) if name.isupper() and not name.startswith("_")}
    assert set(named) == constants - {"MODELS"}
    for name, shown in named.items():
        value = getattr(measured, name)
        expected = value.values() if isinstance(value, dict) else [value]
        flat = [each for one in expected for each in (one if isinstance(one, tuple) else (one,))]
        assert [float(each) for each in re.findall(r"\d[\d.e]*", shown.replace(",", ""))] == pytest.approx(flat)


@pytest.mark.parametrize(
    ("label", "passages", "changed"),
    [
        ("memory, a million passages", 1_000_000, {}),
        ("memory, 200,000 passages cut to 64 dims", 200_000, {"dims": 64}),
        ("memory, 200,000 passages as float16", 200_000, {"datatype": "float16"}),
        ("memory, 200,000 passages as uint8", 200_000, {"datatype": "uint8"}),
        ("memory of the server, 200,000 passages", 200_000, {}),
        ("memory of the server, 523,500 passages", 523_500, {}),
        ("disk, a million passages", 1_000_000, {}),
    ],
)
def test_the_page_says_what_the_constants_predict(label: str, passages: int, changed: dict[str, Any]) -> None:
    (shown,) = re.findall(rf"^\| {label} \| ([\d,]+) MB \|", (ROOT / "deploy" / "sizing.md").read_text(), re.MULTILINE)
    assert round(figures(passages, **changed)[f"{label.partition(' ')[0].strip(',')}_total"] / 1e6) == int(
        shown.replace(",", "")
    )
