"""Two processes train one model."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from postings import Encoder
from postings_training.losses.flops import Flops
from postings_training.losses.step_means import StepMeans
from postings_training.runs.checkpoints import checkpoint_state, last_checkpoint
from tests.support.needed import minilm
from tests.support.training import QUICK, beir, pairs

SIZES = ((4, 4), (5, 3))


def weights(rows: int) -> Tensor:
    torch.manual_seed(0)
    return torch.rand(rows, 40).mul(torch.rand(rows, 40) > 0.5)


def flops(batch: Tensor) -> tuple[float, Tensor]:
    batch = batch.clone().requires_grad_()
    loss = Flops("flops", StepMeans()).compute_loss_from_embeddings(batch)
    loss.backward()  # type: ignore[no-untyped-call]
    assert batch.grad is not None
    return float(loss.detach()), batch.grad


def _one_of_two(rank: int, port: int, results: Any) -> None:
    address = f"tcp://127.0.0.1:{port}"
    torch.distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    found = []
    for sizes in SIZES:
        loss, gradient = flops(weights(sum(sizes)).split(list(sizes))[rank])
        found.append((loss, gradient.tolist()))
    means = StepMeans()
    means.add("dims", torch.tensor(float(rank)))
    results.put((rank, found, means.step()))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_the_average_gradient_of_the_flops_loss_is_that_of_the_whole_batch() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spawning = multiprocessing.get_context("spawn")
    results = spawning.Queue()
    processes = [spawning.Process(target=_one_of_two, args=(rank, port, results)) for rank in range(2)]
    for process in processes:
        process.start()
    found = sorted(results.get(timeout=300) for _ in processes)
    for process in processes:
        process.join()
    assert [measured for _, _, measured in found] == [{"dims": 0.5}, {"dims": 0.5}]
    for number, sizes in enumerate(SIZES):
        expected, gradient = flops(weights(sum(sizes)))
        parts = [runs[number] for _, runs, _ in found]
        assert [loss for loss, _ in parts] == pytest.approx([expected, expected])
        # What is applied is the mean over the devices of each one's gradient.
        torch.testing.assert_close(torch.cat([torch.tensor(each) for _, each in parts]) / 2, gradient)


def torchrun(name: str, data: Path, out: Path, *options: str, changes: tuple[str, ...]) -> str:
    """What two processes that train on a processor print."""
    command = ["--no-python", "--nproc-per-node", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    command += [sys.executable, "-c", "from postings_cli.main import main; main()"]
    command += ["train", name, "--data", str(data), "--out", str(out), "--json", *options]
    command += [part for change in (*QUICK, *changes) for part in ("--set", change)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *command], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_share_the_rows_and_publish_once(tmp_path: Path) -> None:
    measured, out = beir(tmp_path / "beir", queries=4), tmp_path / "model"
    changes = ("training.steps=4", "sparsity.document_target=80", "sparsity.rise=0.1")
    printed = torchrun("tiny", pairs(tmp_path), out, "--evaluate", str(measured), changes=changes)
    assert printed.count('"fingerprint"') == 1
    assert Encoder.load(out, "cpu").encode_documents(["a lion"])[0].indices.size > 1
    checkpoint = last_checkpoint(out.with_name("model.run"))
    assert checkpoint is not None
    state = checkpoint_state(checkpoint)
    assert state["global_step"] == 4, "64 rows, 8 a process and step"
    assert state["stateful_callbacks"]["Steering"]["attributes"]["smoothed"]["document"] > 1


def test_two_processes_train_sides_of_which_each_has_weights_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "model"
    changes = ("training.steps=2", "model.width=64", "model.k=16", "model.frozen=false")
    torchrun("csr-distill", pairs(tmp_path), out, "--base", minilm(), changes=changes)
    encoder = Encoder.load(out, "cpu")
    assert len(encoder.encode_documents(["a lion"])[0]) <= 16 < len(encoder.encode_queries(["a lion"])[0])
