"""CSR's loss, also for models whose queries keep all latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

Outputs = list[dict[str, Tensor]]


def csr_loss(model: SparseEncoder, loss: nn.Module, beta: float, gamma: float) -> nn.Module:
    """Build a ``CSRLoss`` that reconstructs dense vectors only of sides that have an autoencoder.

    Args:
        model: a CSR model.
        loss: of the sparse vectors.
        beta: weight of the loss that revives dead latents.
        gamma: weight of ``loss``.
    """
    from sentence_transformers.sparse_encoder.losses import CSRLoss, CSRReconstructionLoss

    class OfAutoencoders(CSRReconstructionLoss):
        def compute_loss_from_embeddings(self, outputs: Outputs) -> dict[str, Tensor]:
            found: Any = super().compute_loss_from_embeddings(
                [each for each in outputs if "sentence_embedding_backbone" in each]
            )
            return dict(found)

    whole = CSRLoss(model, loss=loss, beta=beta, gamma=gamma)
    whole.reconstruction_loss = OfAutoencoders(model, beta=beta)
    return whole
