"""Where CSR's latents start."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder
from torch.nn import functional

from postings.errors import ConfigurationError
from postings_training.models.csr_start import start_from_components


def vectors(count: int = 2000, dims: int = 32) -> torch.Tensor:
    """Around a mean, and spread unevenly, as dense models' are."""
    generator = torch.Generator().manual_seed(3)
    spread = torch.linspace(1, 0.1, dims)
    return functional.normalize(torch.randn(count, dims, generator=generator) * spread + 0.5, dim=1)


def overlap(codes: torch.Tensor, of: torch.Tensor) -> float:
    """How many of the ten nearest stay among the ten nearest."""
    found, wanted = ((each @ each.T).fill_diagonal_(-torch.inf).topk(10).indices for each in (codes, of))
    return float((found[:, :, None] == wanted[:, None]).any(2).float().mean())


def started(width: int, k: int) -> SparseAutoEncoder:
    torch.manual_seed(0)
    autoencoder = SparseAutoEncoder(32, hidden_dim=width, k=k, k_aux=8)
    start_from_components(autoencoder, vectors())
    return autoencoder.eval()


def test_half_the_latents_are_the_opposites_of_the_others() -> None:
    weights = started(40, 40).encoder.weight
    torch.testing.assert_close(weights[:20], -weights[20:])


def test_untrained_codes_keep_more_of_the_neighbors_than_latents_at_random() -> None:
    torch.manual_seed(0)
    at_random = SparseAutoEncoder(32, hidden_dim=64, k=16, k_aux=8).eval()
    kept = []
    for autoencoder in (started(64, 16), at_random):
        codes = autoencoder({"sentence_embedding": vectors()})["sentence_embedding"].detach()
        assert (codes != 0).sum(1).max() <= 16
        kept.append(overlap(functional.normalize(codes, dim=1), vectors()))
    assert kept[0] > 1.2 * kept[1]


def test_with_all_latents_products_are_those_of_the_components() -> None:
    autoencoder = started(64, 64)
    centered = vectors() - vectors().mean(0)
    whole = autoencoder.encode_pre_act(vectors())[:, :32].detach()
    variances, components = torch.linalg.eigh((centered.double().T @ centered.double()) / len(centered))
    scaled = (centered.double() @ components) * variances.clamp(min=float(variances[2])) ** -0.25
    expected = scaled @ scaled.T
    products = (whole @ whole.T).double()
    torch.testing.assert_close(products / products.norm(), expected / expected.norm(), atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("width", [33, 66])
def test_a_width_that_pairs_of_components_can_not_fill_is_refused(width: int) -> None:
    with pytest.raises(ConfigurationError, match=f"model.width is {width}: .* an even number of latents, at most 64"):
        start_from_components(SparseAutoEncoder(32, hidden_dim=width, k=8, k_aux=8), vectors())


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="components of 63 documents: expected 64 or more"):
        start_from_components(SparseAutoEncoder(32, hidden_dim=64, k=8, k_aux=8), vectors(63))
