"""The loss of a recipe: sentence-transformers' own losses, with measurements inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from postings_training.losses.active_dims import MeasuredLoss
from postings_training.losses.csr import csr_loss
from postings_training.losses.flops import Flops
from postings_training.losses.in_batch_kl import InBatchDistillation
from postings_training.losses.step_means import StepMeans
from postings_training.recipes.recipe import Recipe
from postings_training.teachers.in_batch import InBatchTeachers

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder


def build_loss(
    model: SparseEncoder, recipe: Recipe, means: StepMeans, teachers: InBatchTeachers | None = None
) -> nn.Module:
    """Build the loss of a recipe.

    Args:
        model: to train.
        recipe: its ``loss``, ``model.kind`` and ``imitation.weight``.
        means: the losses and active dims of each step are added to it.
        teachers: only for ``in-batch-kl``.
    """
    from sentence_transformers.sparse_encoder import losses

    settings = recipe.loss
    base = MeasuredLoss(_base(model, recipe, teachers), means)
    if recipe.model.kind == "csr":
        return csr_loss(model, base, settings.beta, settings.gamma)
    parts: dict[str, Any] = {
        "model": model,
        "loss": base,
        "query_regularizer": Flops("query_flops", means),
        "document_regularizer": Flops("document_flops", means),
        "query_regularizer_weight": settings.query_weight,
        "document_regularizer_weight": settings.document_weight,
    }
    if settings.mini_batch is None:
        return losses.SpladeLoss(**parts)
    return losses.CachedSpladeLoss(**parts, mini_batch_size=settings.mini_batch)


def _base(model: SparseEncoder, recipe: Recipe, teachers: InBatchTeachers | None) -> nn.Module:
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
