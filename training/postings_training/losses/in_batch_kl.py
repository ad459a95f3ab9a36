"""Distillation from teachers that score every query of a batch for every document of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from postings_training.teachers.in_batch import InBatchTeachers

_STRONG = 2.0
"""A miss counts ``1 + 2 * weight`` times."""


class InBatchDistillation(nn.Module):
    """The divergence of the model's distribution over a batch's documents from the teachers', for each query.

    ``KL(softmax(teachers / T) || softmax(model / T)) * T ** 2``, the mean over the queries (Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531).

    Args:
        similarity: of queries and documents, shape ``(n, n)``.
        scale: similarities are multiplied by it.
        teachers: what is learned.
        temperature: ``T``; a high one teaches the order of unlikely documents too.
        imitation: weight of the squared distance from the vectors that the teachers want, the mean over the texts. So
            that their products are as high, the model's weights stand for ``sqrt(scale)`` times as much. A miss counts
            more where the teachers' weight is high: of those, the text's own words, depends what is found.
    """

    def __init__(
        self, similarity: Any, scale: float, teachers: InBatchTeachers, temperature: float, imitation: float = 0.0
    ) -> None:
        super().__init__()
        self._imitation = imitation
        self._similarity = similarity
        self._scale = scale
        self._teachers = teachers
        self._temperature = temperature

    def compute_loss_from_embeddings(self, embeddings: Sequence[Tensor], labels: Tensor) -> Tensor:
        """The loss of queries and documents; the labels are the rows' numbers."""
        queries, documents = embeddings
        found = self._similarity(queries, documents).float() * (self._scale / self._temperature)
        wanted = self._teachers.scores(labels.reshape(-1)) / self._temperature
        divergence = functional.kl_div(
            found.log_softmax(1), wanted.log_softmax(1), reduction="batchmean", log_target=True
        )
        loss: Tensor = divergence * self._temperature**2
        if vectors := self._teachers.target_vectors(labels.reshape(-1), queries.shape[1]):
            for model, teacher in zip(embeddings, vectors, strict=True):
                missed = (model * self._scale**0.5 - teacher).square() * (1 + _STRONG * teacher)
                loss = loss + self._imitation * missed.sum(1).mean()
        return loss
