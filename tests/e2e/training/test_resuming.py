"""A run that is killed and resumed ends where it would have ended."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from postings.errors import ConfigurationError
from postings_cli.main import run
from postings_training.publishing.folder import Record
from postings_training.recipes.loading import load_recipe
from postings_training.recipes.recipe import Recipe
from postings_training.runs.checkpoints import checkpoint_state, last_checkpoint, run_folder
from postings_training.runs.progress import TrainingProgress
from postings_training.runs.run import train
from tests.support.models import save, small_bert
from tests.support.preloaded import exit_code_of
from tests.support.training import BY_WORDS, QUICK, beir, pairs

SMALL = (
    *BY_WORDS,
    "training.steps=8",
    "sparsity.document_target=5",
    "sparsity.query_target=5",
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
    data, measured, base = str(pairs(folder)), str(beir(folder / "beir")), str(save(small_bert, folder))
    recipe = load_recipe("tiny", (*QUICK, *SMALL), base=base, data__sources=(data,), evaluation__sets=(measured,))
    record = train(recipe, folder / "whole")
    assert record is not None
    assert record.steps == 8
    weights = load_file(folder / "whole" / "model.safetensors")
    early = load_file(folder / "whole.run" / "checkpoint-2" / "model.safetensors")
    assert any(not torch.equal(early[name].half(), each) for name, each in weights.items())
    changes = [part for change in (*QUICK, *SMALL) for part in ("--set", change)]
    arguments = ["--base", base, "--data", data, "--evaluate", measured, *changes]
    return Whole(recipe, record, weights, folder / "whole.run", arguments)


def ends_like(whole: Whole, out: Path) -> None:
    resumed = train(whole.recipe, out, resume=True)
    assert resumed is not None
    assert resumed.steps == whole.record.steps
    found = load_file(out / "model.safetensors")
    assert all(torch.equal(found[name], weights) for name, weights in whole.weights.items())
    assert resumed.fingerprint == whole.record.fingerprint
    assert resumed.results == whole.record.results


def train_until_it_opens(file: str, recipe: Recipe, out: Path) -> None:
    """Train in a process that is killed when it opens a file of this name."""

    def die(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(file):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)
    train(recipe, out)


def test_killed_and_resumed_it_ends_at_the_same_weights(whole: Whole, tmp_path: Path) -> None:
    out, work = tmp_path / "killed", tmp_path / "killed.run"
    status = exit_code_of(train_until_it_opens, "checkpoint-4/trainer_state.json", whole.recipe, out)
    assert status == -signal.SIGKILL
    assert not out.exists()
    assert (work / "checkpoint-4" / "model.safetensors").exists()
    # What was being written when it died.
    (work / "checkpoint-7").mkdir()
    (work / "checkpoint-7" / "trainer_state.json").write_text('{"global_step": 7, ')
    assert last_checkpoint(work) == work / "checkpoint-2"

    with pytest.raises(ConfigurationError, match=r"an earlier run: continue it with --resume"):
        train(whole.recipe, out)
    other = whole.recipe.model_copy(update={"training": whole.recipe.training.model_copy(update={"seed": 1})})
    with pytest.raises(ConfigurationError, match=r"started with other settings or data: training\.seed"):
        train(other, out, resume=True)
    ends_like(whole, out)
    assert not (work / "checkpoint-7").exists()


def at_step_three(progress: TrainingProgress, number: signal.Signals = signal.SIGINT) -> None:
    """Interrupts between two checkpoints and two log lines."""
    if progress.step == 3:
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_writes_a_checkpoint_after_the_step_and_resumed_ends_at_the_same_weights(
    whole: Whole, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        train(whole.recipe, out, show=partial(at_step_three, number=number))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
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


class Interrupt(logging.Handler):
    """Ctrl-C when something is logged."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def interrupted_at(words: str) -> Iterator[None]:
    log, handler = logging.getLogger("postings_training"), Interrupt(words)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


def test_an_interrupt_says_what_can_be_resumed(
    whole: Whole, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with interrupted_at("step 4 of 8: loss"):
        assert run(["train", "tiny", *whole.arguments, "--out", str(tmp_path / "interrupted")]) == 130
    said = capsys.readouterr().err.replace("\n", "")
    assert "writing a checkpoint after this step" in said
    checkpoint = tmp_path / "interrupted.run" / "checkpoint-4"
    assert said.endswith(f"interrupted: {checkpoint} is kept; continue with --resume")


def test_an_interrupt_before_the_first_checkpoint_says_so(
    whole: Whole, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with interrupted_at("loading"):
        assert run(["train", "tiny", *whole.arguments, "--out", str(tmp_path / "interrupted")]) == 130
    assert capsys.readouterr().err.endswith("interrupted: no checkpoint was written yet\n")


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


PATIENT = (
    "training.steps=40",
    "training.save_every=1",
    "training.learning_rate=1e-3",
    "training.decay=constant",
    "evaluation.patience=3",
)
"""So fast that nDCG@10 falls soon: the run stops early, and its best weights are those of a step before."""


def test_killed_while_its_patience_ran_out_it_stops_where_it_would_have(tmp_path: Path) -> None:
    data, measured = str(pairs(tmp_path)), str(beir(tmp_path / "beir"))
    recipe = load_recipe("tiny", (*QUICK, *PATIENT), data__sources=(data,), evaluation__sets=(measured,))
    whole = train(recipe, tmp_path / "whole")
    assert whole is not None
    assert whole.steps < 40
    out, before = tmp_path / "killed", whole.steps - 1  # it has used up all patience but one evaluation
    status = exit_code_of(train_until_it_opens, f"checkpoint-{whole.steps}/trainer_state.json", recipe, out)
    assert status == -signal.SIGKILL
    state = checkpoint_state(tmp_path / "killed.run" / f"checkpoint-{before}")
    assert state["best_global_step"] < before
    resumed = train(recipe, out, resume=True)
    assert resumed is not None
    assert resumed.steps == whole.steps
    for part in ("{}", f"{{}}.run/checkpoint-{whole.steps}"):  # the best weights, and the last
        folders = (tmp_path / part.format(name) for name in ("whole", "killed"))
        expected, found = (load_file(folder / "model.safetensors") for folder in folders)
        assert all(torch.equal(found[name], weights) for name, weights in expected.items())
    assert resumed.results == whole.results
    # Its state names the checkpoint with the best weights, by the path where it was.
    shutil.move(tmp_path / "killed.run", tmp_path / "moved.run")
    published = train(recipe, tmp_path / "moved", resume=True)
    assert published is not None
    assert published.fingerprint == whole.fingerprint


def test_while_a_run_is_at_work_another_in_its_folder_is_refused(whole: Whole, tmp_path: Path) -> None:
    out, refused = tmp_path / "model", []

    def begin_another(progress: TrainingProgress) -> None:
        for resume in (False, True):
            with pytest.raises(ConfigurationError, match=r"a run is at work in .*model\.run: wait until it ends"):
                train(whole.recipe, out, resume=resume)
            refused.append(progress.step)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(whole.recipe, out, show=begin_another)
    assert refused == [1, 1]
    ends_like(whole, out)


def test_there_must_be_something_to_resume_and_room_for_the_result(tmp_path: Path) -> None:
    data = pairs(tmp_path, 16)
    recipe = load_recipe("tiny", [*QUICK, "training.steps=1"], data__sources=(str(data),))
    with pytest.raises(ConfigurationError, match=r"no run to resume"):
        train(recipe, tmp_path / "model", resume=True)
    (tmp_path / "model").mkdir()
    with pytest.raises(ConfigurationError, match=r"model already exists"):
        train(recipe, tmp_path / "model")
