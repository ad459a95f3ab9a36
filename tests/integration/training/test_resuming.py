"""A run that is killed and resumed ends where it would have ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from postings.errors import ConfigurationError
from postings_training.publishing.folder import Record
from postings_training.recipes.loading import load_recipe
from postings_training.recipes.recipe import Recipe
from postings_training.runs.checkpoints import checkpoint_state, last_checkpoint, run_folder
from postings_training.runs.progress import TrainingProgress
from postings_training.runs.run import train
from tests.support.training import QUICK, beir, pairs

COMMAND = [sys.executable, "-c", "from postings_cli.main import main; main()", "train", "tiny"]
STEERED = (
    "training.steps=8",
    "sparsity.document_target=60",
    "sparsity.query_target=10",
    "sparsity.rise=0.1",
    "training.learning_rate=1e-4",
    "training.keep=8",
)


@dataclass(frozen=True)
class Whole:
    """A run that nothing disturbed."""

    recipe: Recipe
    record: Record
    weights: dict[str, torch.Tensor]
    work: Path
    arguments: list[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    data, measured = str(pairs(folder)), str(beir(folder / "beir"))
    recipe = load_recipe("tiny", (*QUICK, *STEERED), data__sources=(data,), evaluation__sets=(measured,))
    record = train(recipe, folder / "whole")
    assert record is not None
    assert record.steps == 8
    weights = load_file(folder / "whole" / "model.safetensors")
    early = load_file(folder / "whole.run" / "checkpoint-2" / "model.safetensors")
    assert any(not torch.equal(early[name].half(), each) for name, each in weights.items())
    changes = [part for change in (*QUICK, *STEERED) for part in ("--set", change)]
    return Whole(recipe, record, weights, folder / "whole.run", ["--data", data, "--evaluate", measured, *changes])


def ends_like(whole: Whole, out: Path) -> None:
    resumed = train(whole.recipe, out, resume=True)
    assert resumed is not None
    assert resumed.steps == whole.record.steps
    found = load_file(out / "model.safetensors")
    assert all(torch.equal(found[name], weights) for name, weights in whole.weights.items())
    assert resumed.fingerprint == whole.record.fingerprint
    assert resumed.results == whole.record.results


def test_killed_and_resumed_it_ends_at_the_same_weights(whole: Whole, tmp_path: Path) -> None:
    out, work = tmp_path / "killed", tmp_path / "killed.run"
    process = started(whole, out)
    while last_checkpoint(work) is None and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not out.exists()
    # What was being written when it died.
    (work / "checkpoint-7").mkdir()
    (work / "checkpoint-7" / "trainer_state.json").write_text('{"global_step": 7, ')

    with pytest.raises(ConfigurationError, match=r"an earlier run: continue it with --resume"):
        train(whole.recipe, out)
    other = whole.recipe.model_copy(update={"training": whole.recipe.training.model_copy(update={"seed": 1})})
    with pytest.raises(ConfigurationError, match=r"started with other settings or data: training\.seed"):
        train(other, out, resume=True)
    ends_like(whole, out)
    assert not (work / "checkpoint-7").exists()


def at_step_three(progress: TrainingProgress) -> None:
    """Interrupts between two checkpoints and two log lines."""
    if progress.step == 3:
        os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_it_writes_a_checkpoint_after_the_step_and_resumed_ends_at_the_same_weights(
    whole: Whole, tmp_path: Path
) -> None:
    out = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        train(whole.recipe, out, show=at_step_three)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    checkpoint = last_checkpoint(run_folder(out))
    assert checkpoint is not None
    assert checkpoint.name == "checkpoint-3"
    assert not out.exists()
    ends_like(whole, out)


def test_an_interrupt_s_checkpoint_is_kept_beside_the_best(whole: Whole, tmp_path: Path) -> None:
    """With room for one, a run that is told to stop deletes all but the best."""
    spared = whole.recipe.training.model_copy(update={"keep": 1})
    best = whole.recipe.evaluation.model_copy(update={"keep_best": True})
    recipe = whole.recipe.model_copy(update={"training": spared, "evaluation": best})
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "interrupted", show=at_step_three)
    assert {path.name for path in (tmp_path / "interrupted.run").glob("checkpoint-*")} == {
        "checkpoint-2",
        "checkpoint-3",
    }


def test_a_second_interrupt_ends_it_at_once(whole: Whole, tmp_path: Path) -> None:
    out, seen = tmp_path / "interrupted", []

    def interrupt(progress: TrainingProgress) -> None:
        seen.append(progress.step)
        if progress.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(whole.recipe, out, show=interrupt)
    assert seen == [1]
    assert last_checkpoint(run_folder(out)) is None


def test_an_interrupt_says_what_can_be_resumed(whole: Whole, tmp_path: Path) -> None:
    work = tmp_path / "interrupted.run"
    process = started(whole, tmp_path / "interrupted", "--set", "training.steps=800", stderr=subprocess.PIPE, text=True)
    while last_checkpoint(work) is None and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    said = told.replace("\n", "")
    assert "writing a checkpoint after this step" in said
    assert said.endswith(f"interrupted: {last_checkpoint(work)} is kept; continue with --resume")


def test_an_interrupt_before_the_first_checkpoint_says_so(whole: Whole, tmp_path: Path) -> None:
    process = started(whole, tmp_path / "interrupted", stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "interrupted.run" / "recipe.json").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert told.endswith("interrupted: no checkpoint was written yet\n")


def test_interrupts_that_are_ignored_stay_ignored(whole: Whole, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        record = train(whole.recipe, tmp_path / "background", show=lambda _: os.kill(os.getpid(), signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)
    assert record is not None
    assert record.steps == 8


def test_a_run_that_had_only_to_be_published_is_not_trained_further(whole: Whole, tmp_path: Path) -> None:
    shutil.copytree(whole.work, tmp_path / "ended.run")
    ends_like(whole, tmp_path / "ended")


def test_what_spares_room_may_be_changed_for_the_rest_of_a_run(whole: Whole, tmp_path: Path) -> None:
    shutil.copytree(whole.work, tmp_path / "spared.run")
    spared = whole.recipe.training.model_copy(update={"keep": 1})
    assert train(whole.recipe.model_copy(update={"training": spared}), tmp_path / "spared", resume=True) is not None


def started(whole: Whole, out: Path, *more: str, **how: Any) -> subprocess.Popen[Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([*COMMAND, *whole.arguments, *more, "--out", str(out)], env=environment, **how)


PATIENT = (
    "training.steps=40",
    "training.learning_rate=1e-3",
    "training.decay=constant",
    "evaluation.patience=3",
)
"""So fast that nDCG@10 falls soon: the run stops early, and its best weights are those of a step before."""

KILLED_AT = """
import os, signal, sys
from pathlib import Path
from postings_training.recipes.loading import load_recipe
from postings_training.runs.run import train

def show(progress):
    if progress.step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)

recipe = load_recipe("tiny", {changes!r}, data__sources=({data!r},), evaluation__sets=({measured!r},))
train(recipe, Path({out!r}), show=show)
"""


def test_killed_while_its_patience_ran_out_it_stops_where_it_would_have(tmp_path: Path) -> None:
    changes, data, measured = [*QUICK, *PATIENT], str(pairs(tmp_path)), str(beir(tmp_path / "beir"))
    recipe = load_recipe("tiny", changes, data__sources=(data,), evaluation__sets=(measured,))
    whole = train(recipe, tmp_path / "whole")
    assert whole is not None
    assert whole.steps < 40
    out = tmp_path / "killed"
    step = whole.steps - 1  # the evaluations before have used up all patience but one
    code = KILLED_AT.format(step=step, changes=changes, data=data, measured=measured, out=str(out))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == -signal.SIGKILL
    state = checkpoint_state(tmp_path / "killed.run" / f"checkpoint-{step - 1}")
    assert state["best_global_step"] < step - 1
    resumed = train(recipe, out, resume=True)
    assert resumed is not None
    assert resumed.steps == whole.steps
    for part in ("{}", f"{{}}.run/checkpoint-{whole.steps}"):  # the best weights, and the last
        folders = (tmp_path / part.format(name) for name in ("whole", "killed"))
        expected, found = (load_file(folder / "model.safetensors") for folder in folders)
        assert all(torch.equal(found[name], weights) for name, weights in expected.items())
    assert resumed.results == whole.results


def test_there_must_be_something_to_resume_and_room_for_the_result(tmp_path: Path) -> None:
    data = pairs(tmp_path, 16)
    recipe = load_recipe("tiny", [*QUICK, "training.steps=1"], data__sources=(str(data),))
    with pytest.raises(ConfigurationError, match=r"no run to resume"):
        train(recipe, tmp_path / "model", resume=True)
    (tmp_path / "model").mkdir()
    with pytest.raises(ConfigurationError, match=r"model already exists"):
        train(recipe, tmp_path / "model")
