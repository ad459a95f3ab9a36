"""SPLADE's FLOPS loss, right on several GPUs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from postings_training.losses.step_means import StepMeans


class Flops(nn.Module):
    """The FLOPS loss of the whole batch, even if it is spread over several GPUs.

    The loss is the sum over the dims of the squared mean weight. If each GPU took the mean of its own part, eight GPUs
    would regularize more than one GPU with the same batch. So the mean is taken over all GPUs, and each GPU's gradient
    is scaled so that the average over the GPUs, which is what is applied, is the gradient of the whole batch.

    Paria et al. 2020, https://arxiv.org/abs/2004.05665

    Args:
        name: of the loss in ``means``.
        means: the loss of each step is added to it.

    Example:
        >>> flops = Flops("document_flops", StepMeans())
        >>> float(flops.compute_loss_from_embeddings(torch.tensor([[1.0, 0.0], [3.0, 0.0]])))
        4.0
    """

    def __init__(self, name: str, means: StepMeans) -> None:
        super().__init__()
        self._name = name
        self._means = means

    def compute_loss_from_embeddings(self, embeddings: Tensor) -> Tensor:
        """Compute the loss of weights of shape ``(texts, dims)``; called by ``SpladeLoss``."""
        total, count = embeddings.sum(0), embeddings.new_tensor(float(len(embeddings)))
        if _several():
            whole, texts = total.detach().clone(), count.clone()
            torch.distributed.all_reduce(whole)
            torch.distributed.all_reduce(texts)
            world = torch.distributed.get_world_size()
            mean = whole / texts + (total - total.detach()) * (world / texts)
        else:
            mean = total / count
        loss = mean.square().sum()
        if torch.is_grad_enabled():
            self._means.add(self._name, loss)
        return loss

    def get_config_dict(self) -> dict[str, Any]:
        """Return no settings; called by sentence-transformers."""
        return {}


def _several() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
