"""The loss of an in-batch distillation: divergence from the teachers' scores, and distance from target vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from postings_training.teachers.in_batch import InBatchTeachers

_STRONG = 2.0
"""The squared error of an entry is multiplied by ``1 + 2 * weight`` of its target."""


class InBatchDistillation(nn.Module):
    """Divergence of the model's distribution over the documents of a batch from the teachers', for each query.

    ``KL(softmax(teachers / T) || softmax(model / T)) * T ** 2``, averaged over the queries (Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531).

    Args:
        similarity: function of queries and documents, which returns shape ``(n, n)``.
        scale: factor for the similarities.
        teachers: what is learned.
        temperature: ``T``; with a high one, the order of unlikely documents is learned too.
        imitation: weight of the squared distance from the teachers' target vectors, averaged over the texts. Because
            similarities are multiplied by ``scale``, the model's vectors are multiplied by its square root first.
            Errors count more where the target is high, as it is for the text's own words, which matter most in search.
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
        """Compute the loss of queries and documents; the labels are the numbers of the rows."""
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
