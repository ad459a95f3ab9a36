"""Runs that can't go on end with a sentence that says why, and leave their last checkpoint."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from postings.errors import ConfigurationError, TrainingFailure
from postings_cli.main import run
from postings_training.runs.checkpoints import last_checkpoint
from postings_training.runs.run import train
from tests.support.training import QUICK, pairs, quick


def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_step(tmp_path: Path) -> None:
    recipe = quick("tiny", pairs(tmp_path), "loss.scale=3e38")
    with pytest.raises(TrainingFailure, match=r"the loss is (inf|nan) at step 1: .*learning_rate.*no checkpoint"):
        train(recipe, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_run_that_collapses_to_empty_vectors_ends(tmp_path: Path) -> None:
    recipe = quick(
        "tiny",
        pairs(tmp_path),
        "loss.document_weight=1e4",
        "loss.query_weight=1e4",
        "training.learning_rate=0.01",
        "training.warmup=0",
        "sparsity.rise=0.01",
        "sparsity.most=1",  # so large a step may make them dense on the way
        steps=20,
    )
    with pytest.raises(TrainingFailure, match=r"at step \d+ \w+ vectors have 0\.\d of 30,522 .*empty") as caught:
        train(recipe, tmp_path / "model")
    checkpoint = last_checkpoint(tmp_path / "model.run")
    assert checkpoint is None or str(checkpoint) in str(caught.value)


def test_a_run_whose_vectors_are_dense_after_the_weights_rose_ends(tmp_path: Path) -> None:
    recipe = quick("tiny", pairs(tmp_path), "sparsity.most=0.002", "sparsity.rise=0.5", "training.max_length=64")
    with pytest.raises(TrainingFailure, match=r"at step 2 document .* more than sparsity\.most \(0%\).*dense"):
        train(recipe, tmp_path / "model")


def test_a_run_that_ends_before_its_first_log_line_is_checked_too(tmp_path: Path) -> None:
    changes = ("sparsity.most=0.002", "sparsity.rise=0.5", "training.max_length=64", "training.log_every=100")
    with pytest.raises(TrainingFailure, match=r"at step 2 document .*dense vectors.*no checkpoint was written yet"):
        train(quick("tiny", pairs(tmp_path), *changes, "training.save_every=100", steps=2), tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_missed_before_anything_else(tmp_path: Path) -> None:
    recipe = quick("tiny", tmp_path / "nothing.jsonl", "training.device=cuda")
    with pytest.raises(ConfigurationError, match=r"training\.device is 'cuda'"):
        train(recipe, tmp_path / "model")


@contextmanager
def no_files_over(size: int) -> Iterator[None]:
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def test_without_room_for_a_checkpoint_the_last_one_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = pairs(tmp_path), tmp_path / "model"
    command = ["train", "tiny", "--data", str(data), "--out", str(out), "--set", "training.steps=4"]
    command += [part for change in QUICK for part in ("--set", change)]
    with no_files_over(30 << 20):  # the weights fit, Adam's moments don't
        assert run(command) == 1
    said = capsys.readouterr().err
    assert "no space left to write to" in said
    assert "no checkpoint was written yet" in said
    assert not out.exists()
    assert not list(out.with_name("model.run").glob("checkpoint-*"))
