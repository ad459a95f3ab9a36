"""Losses: FLOPS over several GPUs, the cached loss with the lean head, and the means of what is measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router
from sentence_transformers.sparse_encoder.losses import FlopsLoss

from postings_training.losses.recipe_loss import build_loss
from postings_training.losses.step_means import StepMeans
from postings_training.models.csr_start import whole_query_layer
from postings_training.models.patching import lean_heads
from postings_training.recipes.loading import load_recipe
from tests.support import models
from tests.support.flops import flops, weights

QUERIES = ["a lion hunts", "the cheetah is running", "prey"]
DOCUMENTS = ["the quick brown fox", "a man is eating food again and again", "running behind its prey"]
NEGATIVES = ["jumps over the lazy dog", "word word word", "a man"]


def test_on_one_device_it_is_sentence_transformers_flops_loss(tmp_path: Path) -> None:
    batch = weights(7)
    expected = FlopsLoss(models.bert(tmp_path)).compute_loss_from_embeddings(batch)
    assert flops(batch)[0] == pytest.approx(float(expected))


@pytest.mark.parametrize("kind", ["contrastive", "margin-mse", "kl"])
def test_a_cached_loss_has_the_gradients_of_the_whole(kind: str, tmp_path: Path) -> None:
    model = models.bert(tmp_path).to("cpu").train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    labels = {"contrastive": None, "margin-mse": torch.rand(3), "kl": torch.rand(3, 2)}[kind]
    found = []
    for changes in ([], ["loss.mini_batch=2"]):
        means = StepMeans()
        recipe = load_recipe("splade-nq", [f"loss.kind={kind}", "loss.document_weight=0.1", *changes])
        model.zero_grad()
        with lean_heads(model):
            loss = build_loss(model, recipe, means)
            features = [model.preprocess(texts) for texts in (QUERIES, DOCUMENTS, NEGATIVES)]
            torch.stack(list(loss(features, labels).values())).sum().backward()  # type: ignore[no-untyped-call]
        found.append(({name: part.grad.clone() for name, part in model.named_parameters()}, means.step()))  # type: ignore[union-attr]
    (expected, measured), (cached, cached_measured) = found
    assert cached_measured == pytest.approx(measured)
    assert measured["document_active_dims"] > 1
    for name, gradient in expected.items():
        # Other shapes round otherwise, with sentence-transformers' head as with this one.
        assert (cached[name] - gradient).abs().max() <= 1e-3 * gradient.abs().max() + 1e-5, name


def test_active_dims_are_counted_for_csr_too(tmp_path: Path) -> None:
    model = models.csr(tmp_path).to("cpu").train()
    means = StepMeans()
    loss = build_loss(model, load_recipe("csr-nq"), means)
    loss([model.preprocess(texts) for texts in (QUERIES, DOCUMENTS)])
    measured = means.step()
    assert set(measured) == {"query_active_dims", "document_active_dims"}
    assert 1 <= measured["query_active_dims"] <= 8


def test_whole_queries_need_not_rebuild_the_dense_vectors(tmp_path: Path) -> None:
    *dense, autoencoder = models.csr(tmp_path).to("cpu").train()
    queries = whole_query_layer(autoencoder, torch.randn(50, 32))
    model = SparseEncoder(modules=[*dense, Router.for_query_document([queries], [autoencoder])], device="cpu").train()
    for module in dense:
        module.eval()  # without dropout
    means = StepMeans()
    loss = build_loss(model, load_recipe("csr-nq"), means)
    features = [
        {**model.preprocess(texts), "task": task} for texts, task in ((QUERIES, "query"), (DOCUMENTS, "document"))
    ]
    found = loss(features)
    measured = means.step()
    assert measured["query_active_dims"] > 2 * measured["document_active_dims"]
    for name, part in build_loss(model, load_recipe("csr-nq"), means)([features[1], features[1]]).items():
        if name.startswith("reconstruction"):
            torch.testing.assert_close(found[name], part)
    found["base_loss"].backward()
    for module in (queries, autoencoder):
        assert all(part.grad is not None for name, part in module.named_parameters() if name != "decoder.weight")


def test_what_is_not_trained_on_is_not_measured(tmp_path: Path) -> None:
    model = models.bert(tmp_path).to("cpu")
    means = StepMeans()
    loss = build_loss(model, load_recipe("tiny"), means)
    with torch.no_grad():
        loss([model.preprocess(texts) for texts in (QUERIES, DOCUMENTS)])
    assert means.step() == {}
