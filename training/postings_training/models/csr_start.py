"""The start of CSR's latents: principal components of the dense vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from postings.errors import ConfigurationError

if TYPE_CHECKING:
    from sentence_transformers.sparse_encoder.modules import Dense, SparseAutoEncoder


@torch.no_grad()
def start_from_components(autoencoder: SparseAutoEncoder, vectors: Tensor) -> None:
    """Start latents as principal components of dense vectors, rotated at random, and as their opposites.

    Half of the latents are a random rotation of the first components, each of which is divided by the square root of
    its standard deviation. After the rotation all latents carry equally much, so that the ones which a text doesn't
    keep act like noise. The other half are the opposite directions, because a positive weight can't keep the sign.
    The product of two such codes estimates the product of the dense vectors even before training, while latents that
    start at random must first learn what the dense model knows.

    Args:
        autoencoder: its weights are overwritten.
        vectors: dense vectors of training texts, shape ``(texts, dims)``.

    Raises:
        ConfigurationError: the number of latents is odd, or more than twice the dims or the texts.

    Example:
        >>> from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder
        >>> _ = torch.manual_seed(0)
        >>> autoencoder, vectors = SparseAutoEncoder(8, hidden_dim=16, k=16, k_aux=8), torch.randn(1000, 8)
        >>> start_from_components(autoencoder, vectors)
        >>> centered = vectors - vectors.mean(0)
        >>> codes = autoencoder.encode_pre_act(vectors).relu()
        >>> found = torch.corrcoef(torch.stack([(codes @ codes.T).ravel(), (centered @ centered.T).ravel()]))[0, 1]
        >>> bool(found > 0.7)
        True
    """
    width, dims = autoencoder.hidden_dim, autoencoder.input_dim
    if width % 2 or width > 2 * dims:
        raise ConfigurationError(
            f"model.width is {width}: start = 'components' needs an even number of latents, at most {2 * dims}"
        )
    kept = width // 2
    if len(vectors) < 2 * kept:
        raise ConfigurationError(
            f"model.width is {width}: that many latents can't start as components of {len(vectors)} documents: "
            f"expected {2 * kept} or more"
        )
    mean = vectors.mean(0)
    centered = (vectors - mean).double()
    variances, components = torch.linalg.eigh(centered.T @ centered / len(centered))
    variances, components = variances.flip(0)[:kept], components.flip(1)[:, :kept].T
    # The last components of a full set have almost no variance, and would be scaled up without bound.
    scales = variances.clamp(min=float(variances[int(0.95 * (kept - 1))])).clamp(min=1e-12) ** -0.25
    rotation = torch.linalg.qr(torch.randn(kept, kept, dtype=torch.float64))[0]
    latents = rotation @ (scales[:, None] * components)
    latents *= (centered.square().sum() / (centered @ latents.T).square().sum()).sqrt()
    encoder: Any = autoencoder.encoder
    encoder.weight.copy_(torch.cat([latents, -latents]))
    autoencoder.pre_bias.copy_(mean)
    autoencoder.latent_bias.zero_()


@torch.no_grad()
def whole_query_layer(autoencoder: SparseAutoEncoder, vectors: Tensor) -> Dense:
    """A layer for queries with the same latents, all of which are kept: no index has to store queries.

    A query then shares nearly all of the ``k`` latents that a document keeps, at a price: a search reads most of the
    postings. The layer raises all latents by their standard deviation, because a ReLU would make slightly and strongly
    negative ones equal.

    Args:
        autoencoder: for documents.
        vectors: dense vectors of training texts, shape ``(texts, dims)``.

    Returns:
        A linear layer with a ReLU, which is trained independently of the documents' side.

    Example:
        >>> from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder
        >>> layer = whole_query_layer(SparseAutoEncoder(8, hidden_dim=16, k=4, k_aux=8), torch.randn(100, 8))
        >>> layer({"sentence_embedding": torch.randn(1, 8)})["sentence_embedding"].shape
        torch.Size([1, 16])
    """
    from sentence_transformers.sparse_encoder.modules import Dense

    layer = Dense(autoencoder.input_dim, autoencoder.hidden_dim, activation_function=torch.nn.ReLU())
    encoder: Any = autoencoder.encoder
    layer.linear.weight.copy_(encoder.weight)
    latents = autoencoder.encode_pre_act(vectors)
    at_zero = autoencoder.encode_pre_act(vectors.new_zeros(1, autoencoder.input_dim))[0]
    layer.linear.bias.copy_(at_zero + latents.std())
    return layer
