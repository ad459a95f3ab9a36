"""Each example runs in an empty folder, as its first lines say."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.beir import ENCYCLOPEDIA
from tests.support.models import inference_free, save
from tests.support.needed import minilm

EXAMPLES = Path(__file__).parents[3] / "examples"
FEW = ["training.steps=2", "training.batch_size=8", "training.device=cpu", "training.max_length=32"]

Main = Callable[..., None]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def main(name: str) -> Main:
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]  # type: ignore[no-any-return]


def test_exact_words_bring_the_code_that_was_asked_for_to_the_top(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main("hybrid")()
    blocks = [block.splitlines() for block in capsys.readouterr().out.strip().split("\n\n")]
    assert {block[0]: block[1].split()[-1] for block in blocks} == {
        "words=0": "E-4012",
        "words=1": "W-0310",
        "words=3": "W-0310",
        "fusion='rrf'": "W-0310",
    }
    assert list(empty_folder.iterdir()) == []


def test_a_query_of_an_inference_free_model_finds_its_page(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save(inference_free, empty_folder)
    main("inference_free")(str(model))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert re.search(r"\d+ weights in \d+\.\d\d ms: (tire|oil|battery)$", line)


def test_an_encoder_is_trained_on_pairs_and_compared(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main("fine_tune")(str(ENCYCLOPEDIA / "pairs.jsonl"), str(ENCYCLOPEDIA), "my-model", *FEW, "training.group=4")
    printed = capsys.readouterr().out
    assert "step 2 of 2" in printed
    assert re.search(r"nDCG@10: 0\.\d{3} before, 0\.\d{3} after\ndifference [+-]0\.\d{3}, p = \d", printed)
    assert (empty_folder / "my-model" / "modules.json").exists()


def test_a_dense_model_is_made_sparse(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["model.width=32", "model.k=8", "training.group=4", "data.held_out=0"]
    main("csr")(str(ENCYCLOPEDIA / "pairs.jsonl"), "my-csr", minilm(), *FEW, *small)
    printed = capsys.readouterr().out
    assert "A cheetah is running behind its prey." in printed
    assert (empty_folder / "my-csr" / "modules.json").exists()


def test_the_notebook_plots_what_made_the_scores(empty_folder: Path) -> None:
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.use("Agg")
    names: dict[str, Any] = {}
    for number, cell in enumerate(json.loads((EXAMPLES / "attribution.ipynb").read_text("utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "it is committed without its output"
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert names["hits"][0].text == "A cheetah is running behind its prey."
    assert len(pyplot.get_fignums()) == 3
    for number in pyplot.get_fignums():
        pyplot.figure(number).savefig(empty_folder / "plot.png")
        pyplot.close(number)
