"""The FLOPS loss of some vectors."""

from __future__ import annotations

import torch
from torch import Tensor

from postings_training.losses.flops import Flops
from postings_training.losses.step_means import StepMeans


def weights(rows: int, seed: int = 0) -> Tensor:
    """Vectors, half of whose weights are 0."""
    torch.manual_seed(seed)
    return torch.rand(rows, 40).mul(torch.rand(rows, 40) > 0.5)


def flops(batch: Tensor) -> tuple[float, Tensor]:
    """The loss of a batch, and its gradient."""
    batch = batch.clone().requires_grad_()
    loss = Flops("flops", StepMeans()).compute_loss_from_embeddings(batch)
    loss.backward()  # type: ignore[no-untyped-call]
    assert batch.grad is not None
    return float(loss.detach()), batch.grad
