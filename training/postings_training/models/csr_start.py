"""Where the latents of a CSR model start, before they are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from postings.errors import ConfigurationError

if TYPE_CHECKING:
    from sentence_transformers.sparse_encoder.modules import Dense, SparseAutoEncoder


@torch.no_grad()
def start_from_components(autoencoder: SparseAutoEncoder, vectors: Tensor) -> None:
    """Start each pair of latents as a direction and its opposite: principal components, turned at random.

    Half the latents are a rotation of the first components, each divided by the square root of its deviation. Turned,
    all carry as much, so that those that a text doesn't keep are as good as noise; the opposites keep the sign, which a
    positive weight can't have. The product of two such codes estimates that of the dense vectors before anything is
    trained, where latents that start at random must first learn what the dense model knows.

    Args:
        autoencoder: its weights are replaced.
        vectors: dense ones of training texts, shape ``(texts, dims)``.

    Raises:
        ConfigurationError: the number of latents isn't even, or is more than twice the dims or the texts.

    Example:
        >>> from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder
        >>> _ = torch.manual_seed(0)
        >>> autoencoder, vectors = SparseAutoEncoder(8, hidden_dim=16, k=16, k_aux=8), torch.randn(1000, 8)
        >>> start_from_components(autoencoder, vectors)
        >>> centred = vectors - vectors.mean(0)
        >>> codes = autoencoder.encode_pre_act(vectors).relu()
        >>> found = torch.corrcoef(torch.stack([(codes @ codes.T).ravel(), (centred @ centred.T).ravel()]))[0, 1]
        >>> bool(found > 0.7)
        True
    """
    width, dims = autoencoder.hidden_dim, autoencoder.input_dim
    if width % 2 or width > 2 * dims:
        raise ConfigurationError(
            f"model.width is {width}: latents that start as components need an even number, at most {2 * dims}"
        )
    kept = width // 2
    if len(vectors) < 2 * kept:
        raise ConfigurationError(
            f"model.width is {width}: that many latents can't start as components of {len(vectors)} documents: "
            f"expected {2 * kept} or more"
        )
    mean = vectors.mean(0)
    centred = (vectors - mean).double()
    variances, components = torch.linalg.eigh(centred.T @ centred / len(centred))
    variances, components = variances.flip(0)[:kept], components.flip(1)[:, :kept].T
    # The last components of a full set have next to no variance, and would be scaled up without bound.
    scales = variances.clamp(min=float(variances[int(0.95 * (kept - 1))])).clamp(min=1e-12) ** -0.25
    rotation = torch.linalg.qr(torch.randn(kept, kept, dtype=torch.float64))[0]
    latents = rotation @ (scales[:, None] * components)
    latents *= (centred.square().sum() / (centred @ latents.T).square().sum()).sqrt()
    encoder: Any = autoencoder.encoder
    encoder.weight.copy_(torch.cat([latents, -latents]))
    autoencoder.pre_bias.copy_(mean)
    autoencoder.latent_bias.zero_()


@torch.no_grad()
def whole_query_layer(autoencoder: SparseAutoEncoder, vectors: Tensor) -> Dense:
    """The same latents, of which a text keeps all: for queries, which no index has to store.

    A document that keeps ``k`` of its latents is then compared in nearly every one of them, which costs what it says: a
    search reads most of the postings. All of a query's latents are raised by their deviation: what a ReLU takes away of
    a slightly negative one would have told it from a strongly negative one.

    Args:
        autoencoder: of documents.
        vectors: dense ones of training texts, shape ``(texts, dims)``.

    Returns:
        A linear layer with a ReLU, from which the query's side can learn by itself.

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
