"""Reports as people and programs read them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from postings.errors import MissingExtra, ReaderError
from postings_training.evaluation import Evaluation, Measured, Quality, Sparsity, compare, write_report
from postings_training.evaluation.engine import Costs
from postings_training.evaluation.pruning import KEPT, Pruned, PruningCurve
from postings_training.evaluation.report import as_json, page

PNG = b"\x89PNG\r\n\x1a\n"


def measured(system: str, data: str, ndcg: dict[str, float]) -> Measured:
    each = {query_id: Quality(value, value, 1.0, value, 1) for query_id, value in ndcg.items()}
    points = tuple(Pruned(k, k / 512, Sparsity(float(k), 4.0, 0.5)) for k in KEPT)
    return Measured(
        system=system,
        data=data,
        documents=1234,
        quality=Quality.mean(each.values()),
        each=each,
        sparsity=Sparsity(120.5, 20.25, 3.125),
        costs=Costs(56.78, 910.0, 0.125, 1.5),
        pruning=PruningCurve(points, points),
    )


@pytest.fixture
def evaluation() -> Evaluation:
    first = (measured("mine", "cats", {"a": 1.0, "b": 0.25}), measured("mine", "dogs", {"c": 0.5}))
    second = (measured("base", "cats", {"a": 0.5, "b": 0.5}), measured("base", "dogs", {"c": 0.25}))
    queries = {"cats": {"a": "a | b\nc", "b": "x" * 500}, "dogs": {"c": "<b>bold</b>"}}
    return Evaluation((first, second), tuple(compare(first, second)), queries, ("one query was left out",))


def test_the_page_has_every_figure(evaluation: Evaluation) -> None:
    text = page(evaluation)
    assert text.startswith("# mine against base\n\n> one query was left out\n")
    assert "| cats | 1,234 | 2 | 0.6250 | 0.6250 | 1.0000 | 0.6250 |" in text
    assert "| mean | | | 0.5625 |" in text
    assert "| cats | 120.5 | 20.2 | 3.125 | 910 | 56.8 | 0.12 | 1.50 |" in text
    assert "| cats | +0.1250 |" in text
    assert "FLOPS: products" in text
    assert "| 64 | 0.1250 | 64.0 | 0.500 | 0.1250 | 4.0 | 0.500 |" in text


def test_a_query_can_not_break_a_table(evaluation: Evaluation) -> None:
    rows = [line for line in page(evaluation).splitlines() if line.startswith("| a |")]
    assert rows == ["| a | a \\| b c | +0.5000 |"]
    assert all(len(line) < 200 for line in page(evaluation).splitlines() if "xxx" in line)


def test_wins_and_losses_are_listed_with_the_largest_first(evaluation: Evaluation) -> None:
    text = page(evaluation)
    assert (
        text.index("Largest wins on cats") < text.index("Largest losses on cats") < text.index("Largest wins on dogs")
    )
    assert "Largest losses on dogs" not in text


def test_one_system_without_curves_has_a_page_too(evaluation: Evaluation) -> None:
    alone = replace(evaluation.systems[0][0], pruning=None, costs=Costs(None, 1.0, 0.1, 0.2))
    text = page(Evaluation(((alone,),), (), {}))
    assert text.startswith("# mine\n")
    assert "against" not in text.splitlines()[0]
    assert "| mean |" not in text
    assert "| 1 |  | 0.10 |" in text


def test_a_run_that_nothing_searched_is_not_said_to_have_costs(evaluation: Evaluation) -> None:
    run = replace(evaluation.systems[0][0], sparsity=None, costs=None, pruning=None)
    text = page(Evaluation(((run,),), (), {}))
    assert "by ir-measures." in text
    assert "FLOPS" not in text


def test_json_holds_each_query(evaluation: Evaluation) -> None:
    read = json.loads(json.dumps(as_json(evaluation)))
    cats = read["systems"][0]["sets"][0]
    assert read["systems"][0]["system"] == "mine"
    assert cats["each"] == {"a": 1.0, "b": 0.25}
    assert cats["quality"]["ndcg_at_10"] == 0.625
    assert [point["k"] for point in cats["pruning"]["documents"]] == list(KEPT)
    assert read["comparisons"][0]["by_query"] == {"a": 0.5, "b": -0.25}


def test_a_report_is_a_folder_with_its_plots(evaluation: Evaluation, tmp_path: Path) -> None:
    written = write_report(evaluation, tmp_path / "new" / "report")
    assert written == tmp_path / "new" / "report" / "report.md"
    names = {"report.md", "report.json", "active_dims.png", "pruning.png"}
    assert {path.name for path in written.parent.iterdir()} == names
    for name in ("active_dims.png", "pruning.png"):
        assert f"({name})" in written.read_text(encoding="utf-8")
        assert (written.parent / name).read_bytes().startswith(PNG)
    assert json.loads((written.parent / "report.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(as_json(evaluation))
    )


def test_a_folder_that_can_not_be_made_is_reported(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReaderError, match="can't be written"):
        write_report(evaluation, tmp_path / "file" / "report")


def test_without_matplotlib_the_error_says_what_to_install(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"pip install 'postings\[training\]'"):
        write_report(evaluation, tmp_path)
