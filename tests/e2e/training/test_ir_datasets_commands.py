"""Commands on data sets of ir-datasets: the same as on the folder that they were made from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from postings_cli.main import run
from tests.support.beir import ENCYCLOPEDIA
from tests.support.cli import Cli, json_commands
from tests.support.ir_datasets import of_folder
from tests.support.training import QUICK


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "encyclopedia").symlink_to(ENCYCLOPEDIA)
    return of_folder(tmp_path / "encyclopedia")


@pytest.fixture
def postings(capsys: pytest.CaptureFixture[str]) -> Any:
    return json_commands(capsys)


def quality(evaluated: Any) -> Any:
    return evaluated["systems"][0]["sets"][0]["quality"]


def test_a_model_has_the_same_figures_on_it(postings: Any, source: str, tmp_path: Path) -> None:
    found = postings("evaluate", "tiny", "--data", source, "--save-run", tmp_path / "run")
    assert quality(found) == quality(postings("evaluate", "tiny", "--data", ENCYCLOPEDIA))
    assert quality(found) == quality(postings("evaluate", "--run", tmp_path / "run", "--data", source))


def test_its_documents_are_ingested_and_measured_by_it(
    postings: Any, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(tmp_path / "index", capsys)
    ingested = cli("ingest", source, "--collection", "articles", "--json")
    assert ingested.json["indexed"] == 96
    found = cli("evaluate", "-c", "articles", "--data", source, "--json").json
    assert quality(found)["ndcg_at_10"] == pytest.approx(
        quality(postings("evaluate", "tiny", "--data", ENCYCLOPEDIA))["ndcg_at_10"], abs=0.02
    )


def test_its_judgements_become_those_of_a_collection(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(tmp_path / "index", capsys)
    assert cli("ingest", source, "--collection", "articles").status == 0
    imported = cli("judgements", "import", source, "--collection", "articles", "--json")
    assert imported.json == cli("judgements", "import", ENCYCLOPEDIA, "--collection", "articles", "--json").json
    assert cli("judgements", "import", source, "--collection", "articles").status == 0
    assert source in cli("judgements", "list", "--collection", "articles", "--json").out


def test_negatives_are_mined_from_it_and_a_model_is_trained_and_checked_for_leaks(
    postings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "encyclopedia").symlink_to(ENCYCLOPEDIA)
    train, test = (of_folder(tmp_path / "encyclopedia", split) for split in ("train", "test"))
    mined = postings("mine", train, "--out", tmp_path / "hard.jsonl", "--model", "tiny")
    assert mined == postings("mine", ENCYCLOPEDIA, "--out", tmp_path / "own.jsonl", "--model", "tiny")
    own, name = (tmp_path / "own.jsonl").read_text(), train.removeprefix("ir-datasets:")
    assert (tmp_path / "hard.jsonl").read_text() == own.replace('"source": "encyclopedia"', f'"source": "{name}"')
    changes = [part for each in (*QUICK, "training.steps=2") for part in ("--set", each)]
    model = tmp_path / "model"
    postings("train", "tiny", "--data", train, "--evaluate", test, "--out", model, *changes)
    unchecked = postings("evaluate", model, "--data", test)
    assert f"trained on it: {train}" in " ".join(unchecked["remarks"])
    checked = postings("evaluate", model, "--data", test, "--trained-on", train)
    assert train not in " ".join(checked["remarks"])
    assert run(["evaluate", str(model), "--data", train, "--trained-on", train]) == 1
    assert "are in the training data" in capsys.readouterr().err


def test_a_set_of_beir_is_read_from_where_the_library_keeps_it(postings: Any, tmp_path: Path) -> None:
    downloaded = tmp_path / "beir" / "scifact" / "source.zip"
    downloaded.parent.mkdir(parents=True)
    with ZipFile(downloaded, "w") as file:
        for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
            file.write(ENCYCLOPEDIA / name, f"scifact/{name}")
    env = {**os.environ, "IR_DATASETS_HOME": str(tmp_path)}
    code = "from postings_cli.main import main; main()"
    command = [sys.executable, "-c", code, "evaluate", "tiny", "--data", "ir-datasets:beir/scifact/test", "--json"]
    ran = subprocess.run(command, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert quality(found) == quality(postings("evaluate", "tiny", "--data", ENCYCLOPEDIA))
    assert found["systems"][0]["sets"][0]["data"] == "beir/scifact/test"


def test_what_is_not_there_is_said_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in (
        ["evaluate", "tiny", "--data", "ir-datasets:beir/nowhere"],
        ["mine", "ir-datasets:beir/nowhere", "--out", str(tmp_path / "hard.jsonl")],
        ["ingest", "ir-datasets:beir/nowhere", "--index", str(tmp_path / "index")],
        ["train", "tiny", "--data", "ir-datasets:beir/nowhere", "--out", str(tmp_path / "model")],
    ):
        assert run(command) == 1
        assert "error: ir-datasets has no data set 'beir/nowhere': expected" in capsys.readouterr().err
