"""The losses of a recipe: sentence-transformers' own, with a FLOPS loss that is right on several GPUs, and gauges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from postings_training.losses.csr import csr_loss
from postings_training.losses.gauge import Gauge
from postings_training.recipes.loading import Recipe
from postings_training.teachers.in_batch import InBatch, InBatchDistillation

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder


class Flops(nn.Module):
    """The FLOPS loss of the whole batch, on however many GPUs it lies.

    The loss is the sum of the squares of each dim's mean weight. Squares of the means of parts aren't the square of the
    mean of the whole: with each GPU's own, eight GPUs regularise more than one that has the same batch. Here the mean
    is that of all GPUs, and the gradient on each is such that their average, which is what is applied, is the whole's.

    Paria et al. 2020, https://arxiv.org/abs/2004.05665

    Args:
        name: under which the gauge keeps the loss.
        gauge: what reads it.

    Example:
        >>> float(Flops("document_flops", Gauge()).compute_loss_from_embeddings(torch.tensor([[1.0, 0.0], [3.0, 0.0]])))
        4.0
    """

    def __init__(self, name: str, gauge: Gauge) -> None:
        super().__init__()
        self._name = name
        self._gauge = gauge

    def compute_loss_from_embeddings(self, embeddings: Tensor) -> Tensor:
        """The loss of weights of shape ``(texts, dims)``, as ``SpladeLoss`` asks for it."""
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
            self._gauge.add(self._name, loss)
        return loss

    def get_config_dict(self) -> dict[str, Any]:
        """No settings: for sentence-transformers' bookkeeping."""
        return {}


class Gauged(nn.Module):
    """A loss that counts the active dims of the queries and documents that pass through it.

    Args:
        loss: one of sentence-transformers' with ``compute_loss_from_embeddings``.
        gauge: what counts.
    """

    def __init__(self, loss: nn.Module, gauge: Gauge) -> None:
        super().__init__()
        self.loss = loss
        self._gauge = gauge

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor | None = None) -> Any:
        """The wrapped loss of queries and documents, as ``SpladeLoss`` and ``CSRLoss`` ask for it."""
        if torch.is_grad_enabled():
            for name, weights in (("query", embeddings[0]), ("document", torch.cat(embeddings[1:]))):
                self._gauge.add(f"{name}_active_dims", (weights.detach() != 0).sum(1).float().mean())
        compute: Any = self.loss.compute_loss_from_embeddings
        return compute(embeddings, labels)


def build_loss(model: SparseEncoder, recipe: Recipe, gauge: Gauge, teachers: InBatch | None = None) -> nn.Module:
    """The loss that a recipe asks for; ``in-batch-kl`` needs the teachers."""
    from sentence_transformers.sparse_encoder import losses

    settings = recipe.loss
    base = Gauged(_base(model, recipe, teachers), gauge)
    if recipe.model.kind == "csr":
        return csr_loss(model, base, settings.beta, settings.gamma)
    parts: dict[str, Any] = {
        "model": model,
        "loss": base,
        "query_regularizer": Flops("query_flops", gauge),
        "document_regularizer": Flops("document_flops", gauge),
        "query_regularizer_weight": settings.query_weight,
        "document_regularizer_weight": settings.document_weight,
    }
    if settings.mini_batch is None:
        return losses.SpladeLoss(**parts)
    return losses.CachedSpladeLoss(**parts, mini_batch_size=settings.mini_batch)


def _base(model: SparseEncoder, recipe: Recipe, teachers: InBatch | None) -> nn.Module:
    from sentence_transformers import util
    from sentence_transformers.sparse_encoder import losses

    settings = recipe.loss
    cosine = settings.similarity == "cosine"
    pairwise = util.pairwise_cos_sim if cosine else util.pairwise_dot_score
    if settings.kind == "margin-mse":
        return losses.SparseMarginMSELoss(model, similarity_fct=pairwise)
    if settings.kind == "kl":
        return losses.SparseDistillKLDivLoss(model, similarity_fct=pairwise, temperature=settings.temperature)
    whole = util.cos_sim if cosine else util.dot_score
    if teachers is not None:
        return InBatchDistillation(whole, settings.scale, teachers, settings.temperature, recipe.imitation.weight)
    return losses.SparseMultipleNegativesRankingLoss(model, scale=settings.scale, similarity_fct=whole)


def _several() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
