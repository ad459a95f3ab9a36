"""Two processes train one model."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import torch

from postings import Encoder
from postings_cli.main import run
from postings_training.losses.step_means import StepMeans
from postings_training.runs.checkpoints import checkpoint_state, last_checkpoint
from tests.support.flops import flops, weights
from tests.support.models import dense, save
from tests.support.preloaded import results_of_two
from tests.support.training import QUICK, beir, pairs

SIZES = ((4, 4), (5, 3))


def flops_of_a_part() -> tuple[list[tuple[float, list[list[float]]]], dict[str, float]]:
    """What one of two processes finds for its part of each batch, and its means."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    found = []
    for sizes in SIZES:
        loss, gradient = flops(weights(sum(sizes)).split(list(sizes))[rank])
        found.append((loss, gradient.tolist()))
    means = StepMeans()
    means.add("dims", torch.tensor(float(rank)))
    measured = means.step()
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
    return found, measured


def test_the_average_gradient_of_the_flops_loss_is_that_of_the_whole_batch() -> None:
    found = results_of_two(flops_of_a_part)
    assert [measured for _, measured in found] == [{"dims": 0.5}, {"dims": 0.5}]
    for number, sizes in enumerate(SIZES):
        expected, gradient = flops(weights(sum(sizes)))
        parts = [runs[number] for runs, _ in found]
        assert [loss for loss, _ in parts] == pytest.approx([expected, expected])
        # What is applied is the mean over the devices of each one's gradient.
        torch.testing.assert_close(torch.cat([torch.tensor(each) for _, each in parts]) / 2, gradient)


def printed_by(arguments: list[str]) -> str:
    """What the command prints in one of two processes, on one thread each."""
    torch.set_num_threads(1)
    with redirect_stdout(StringIO()) as printed:
        assert run(arguments) == 0
    return printed.getvalue()


def train(name: str, data: Path, out: Path, *options: str, changes: tuple[str, ...]) -> list[str]:
    """What each of two processes prints that train on a processor."""
    settings = [part for change in (*QUICK, *changes) for part in ("--set", change)]
    return results_of_two(
        printed_by, ["train", name, "--data", str(data), "--out", str(out), "--json", *options, *settings]
    )


def test_two_processes_share_the_rows_and_publish_once(tmp_path: Path) -> None:
    measured, out = beir(tmp_path / "beir", queries=4, articles=8), tmp_path / "model"
    changes = (
        "training.steps=4",
        "training.batch_size=4",
        "training.save_every=4",
        "sparsity.document_target=80",
        "sparsity.rise=0.1",
    )
    first, second = train("tiny", pairs(tmp_path, 32), out, "--evaluate", str(measured), changes=changes)
    assert '"fingerprint"' in first
    assert not second
    assert Encoder.load(out, "cpu", "torch").encode_documents(["a lion"])[0].indices.size > 1
    checkpoint = last_checkpoint(out.with_name("model.run"))
    assert checkpoint is not None
    state = checkpoint_state(checkpoint)
    assert state["global_step"] == 4, "32 rows, 4 a process and step"
    assert state["stateful_callbacks"]["Steering"]["attributes"]["smoothed"]["document"] > 1


def test_two_processes_train_sides_of_which_each_has_weights_of_its_own(tmp_path: Path) -> None:
    base, out = save(dense, tmp_path), tmp_path / "model"
    changes = ("training.steps=2", "model.width=64", "model.k=16", "model.frozen=false")
    train("csr-distill", pairs(tmp_path), out, "--base", str(base), changes=changes)
    encoder = Encoder.load(out, "cpu")
    assert len(encoder.encode_documents(["a lion"])[0]) <= 16 < len(encoder.encode_queries(["a lion"])[0])
