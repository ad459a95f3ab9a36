"""The active dims of queries and documents, measured inside the loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from postings_training.losses.step_means import StepMeans


class MeasuredLoss(nn.Module):
    """A loss that measures the active dims of its queries and documents.

    Args:
        loss: one of sentence-transformers' with ``compute_loss_from_embeddings``.
        means: the mean active dims of each step are added to it.
    """

    def __init__(self, loss: nn.Module, means: StepMeans) -> None:
        super().__init__()
        self.loss = loss
        self._means = means

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor | None = None) -> Any:
        """Compute the wrapped loss; called by ``SpladeLoss`` and ``CSRLoss``."""
        if torch.is_grad_enabled():
            for name, weights in (("query", embeddings[0]), ("document", torch.cat(embeddings[1:]))):
                self._means.add(f"{name}_active_dims", (weights.detach() != 0).sum(1).float().mean())
        compute: Any = self.loss.compute_loss_from_embeddings
        return compute(embeddings, labels)
