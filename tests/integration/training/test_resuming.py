"""A run that is killed and resumed ends where it would have ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from postings.errors import ConfigurationError
from postings_training.checkpoints import checkpoint_state, last_checkpoint
from postings_training.recipe import load_recipe
from postings_training.run import train
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


def test_killed_and_resumed_it_ends_at_the_same_weights(tmp_path: Path) -> None:
    data, measured = pairs(tmp_path), beir(tmp_path / "beir")
    changes = (*QUICK, *STEERED)
    whole = train(
        load_recipe("tiny", changes, data__sources=(str(data),), evaluation__sets=(str(measured),)), tmp_path / "whole"
    )
    out = tmp_path / "killed"
    arguments = [*COMMAND, "--data", str(data), "--evaluate", str(measured), "--out", str(out)]
    arguments += [part for change in changes for part in ("--set", change)]
    process = subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    work = out.with_name("killed.run")
    while last_checkpoint(work) is None and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not out.exists()
    # What was being written when it died.
    (work / "checkpoint-7").mkdir()
    (work / "checkpoint-7" / "trainer_state.json").write_text('{"global_step": 7, ')

    recipe = load_recipe("tiny", changes, data__sources=(str(data),), evaluation__sets=(str(measured),))
    with pytest.raises(ConfigurationError, match=r"unfinished run: go on with it by --resume"):
        train(recipe, out)
    other = load_recipe(
        "tiny", [*changes, "training.seed=1"], data__sources=(str(data),), evaluation__sets=(str(measured),)
    )
    with pytest.raises(ConfigurationError, match=r"begun with other settings or data: training\.seed"):
        train(other, out, resume=True)
    resumed = train(recipe, out, resume=True)
    assert whole is not None
    assert resumed is not None
    assert not (work / "checkpoint-7").exists()
    assert resumed.steps == whole.steps == 8
    expected, found = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(found[name], weights) for name, weights in expected.items())
    early = load_file(tmp_path / "whole.run" / "checkpoint-2" / "model.safetensors")
    assert any(not torch.equal(early[name].half(), weights) for name, weights in expected.items())
    assert resumed.fingerprint == whole.fingerprint
    assert resumed.results == whole.results


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
from postings_training.recipe import load_recipe
from postings_training.run import train

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
    with pytest.raises(ConfigurationError, match=r"model is there already"):
        train(recipe, tmp_path / "model")
