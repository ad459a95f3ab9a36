"""The lean head gives the weights and the gradients of sentence-transformers, and leaves the model as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.losses import FlopsLoss
from sentence_transformers.sparse_encoder.modules import SpladePooling
from torch import Tensor, nn

from postings.encoder.toolkit import modules_of
from postings_training.models.activations import recompute_activations
from postings_training.models.lean_head import _winners, _winners_of_all, _winners_of_few, pooled
from postings_training.models.patching import lean_heads
from tests.support import models

TOLERANCE = 1e-4
TEXTS = [*models.TEXTS[:3], "word " * 60, "x", ""]


def plainly(hidden: Tensor, mask: Tensor, decoder: nn.Linear, logarithms: int = 1) -> Tensor:
    weights = torch.relu(decoder(hidden) * mask.unsqueeze(2))
    for _ in range(logarithms):
        weights = weights.log1p()
    return weights.max(1).values


def loss_of(model: SparseEncoder, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A contrastive loss and a FLOPS loss over queries and documents; the weights too."""
    torch.manual_seed(seed)
    features = model.preprocess(TEXTS, task="document", prompt=model.prompts.get("document"))
    weights = model(features)["sentence_embedding"]
    scores = weights @ weights.flip(0).T
    flops: Tensor = FlopsLoss(model).compute_loss_from_embeddings(weights)
    return scores.logsumexp(1).mean() + 1e-3 * flops, weights


def gradients(model: SparseEncoder) -> dict[str, Tensor]:
    return {name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None}


@pytest.mark.parametrize("name", models.SPLADE)
def test_weights_and_gradients_are_those_of_sentence_transformers(name: str, tmp_path: Path) -> None:
    model = models.MODELS[name](tmp_path).to("cpu").train()
    found: list[tuple[Tensor, dict[str, Tensor]]] = []
    for lean in (False, True):
        model.zero_grad()
        if lean:
            with lean_heads(model) as sides:
                assert sides == 1
                loss, weights = loss_of(model)
                loss.backward()
        else:
            loss, weights = loss_of(model)
            loss.backward()
        found.append((weights.detach(), gradients(model)))
    (expected, expected_gradients), (weights, lean_gradients) = found
    assert (weights - expected).abs().max() <= TOLERANCE
    assert (expected > 0).any()
    assert lean_gradients.keys() == expected_gradients.keys()
    for parameter, gradient in expected_gradients.items():
        scale = max(float(gradient.abs().max()), 1.0)
        assert (lean_gradients[parameter] - gradient).abs().max() <= TOLERANCE * scale, parameter
    tied = [g for n, g in expected_gradients.items() if n.endswith(("word_embeddings.weight", "tok_embeddings.weight"))]
    assert tied
    assert tied[0].abs().max() > 0


@pytest.mark.parametrize("logarithms", [1, 2])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("padded_left", [False, True])
def test_gradients_are_exact_in_double_precision(logarithms: int, bias: bool, padded_left: bool) -> None:
    torch.manual_seed(1)
    decoder = nn.Linear(6, 5000, bias=bias).double()
    mask = (torch.arange(9) < torch.tensor([9, 1, 4, 0])[:, None]).long()
    mask = mask.flip(1) if padded_left else mask
    upstream = torch.randn(4, 5000, dtype=torch.float64)
    results = []
    for way in (plainly, pooled):
        hidden = torch.randn(4, 9, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
        decoder.zero_grad()
        weights = way(hidden, mask, decoder, logarithms)
        weights.backward(upstream)
        results.append([weights.detach(), hidden.grad, *(p.grad.clone() for p in decoder.parameters())])  # type: ignore[union-attr]
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    assert not results[1][0][3].any(), "a text without a position has no weight"


def test_an_entry_that_is_not_active_gets_no_gradient() -> None:
    decoder = nn.Linear(4, 50)
    with torch.no_grad():
        decoder.bias.fill_(-100)
    hidden = torch.randn(2, 3, 4, requires_grad=True)
    weights = pooled(hidden, torch.ones(2, 3), decoder)
    weights.sum().backward()
    assert not weights.any()
    assert hidden.grad is not None
    assert not hidden.grad.any()
    assert decoder.weight.grad is not None
    assert not decoder.weight.grad.any()


def test_only_what_needs_a_gradient_gets_one() -> None:
    decoder = nn.Linear(4, 50).requires_grad_(requires_grad=False)
    hidden = torch.randn(2, 3, 4, requires_grad=True)
    pooled(hidden, torch.ones(2, 3), decoder).sum().backward()
    assert hidden.grad is not None
    assert decoder.weight.grad is None


def test_under_autocast_the_products_are_in_bfloat16_and_the_weights_are_close() -> None:
    torch.manual_seed(0)
    decoder, hidden = nn.Linear(32, 3000), torch.randn(4, 7, 32, requires_grad=True)
    mask = torch.ones(4, 7)
    expected = pooled(hidden, mask, decoder)
    (wanted,) = torch.autograd.grad(expected.sum(), hidden)
    with torch.autocast("cpu", torch.bfloat16):
        weights = pooled(hidden, mask, decoder)
        weights.sum().backward()
    assert weights.dtype == torch.float32
    assert 0 < (weights - expected).abs().max() < 0.02
    assert hidden.grad is not None
    assert torch.nn.functional.cosine_similarity(hidden.grad.flatten(), wanted.flatten(), 0) > 0.999


def test_gradient_checkpointing_changes_no_gradient(tmp_path: Path) -> None:
    model = models.bert(tmp_path).to("cpu").eval()
    with lean_heads(model):
        loss_of(model)[0].backward()
        expected = gradients(model)
        model.zero_grad()
        model.train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        recompute_activations(model)
        assert modules_of(model, "document")[0].model.is_activation_checkpointing
        loss_of(model)[0].backward()
    found = gradients(model)
    assert all(torch.allclose(found[name], gradient, atol=1e-5) for name, gradient in expected.items())


def test_texts_that_lie_end_to_end_are_pooled_one_by_one(tmp_path: Path) -> None:
    model = models.bert(tmp_path).to("cpu")
    transformer: Any = modules_of(model, "document")[0]
    decoder: nn.Linear = transformer.model.get_output_embeddings()
    flat, lengths = torch.randn(1, 9, 32), torch.tensor([0, 2, 3, 9])
    features = {"cu_seq_lens_q": lengths, "attention_mask": None}
    expected = SpladePooling()({**features, "token_embeddings": decoder(flat)})["sentence_embedding"]
    with lean_heads(model):
        found = modules_of(model, "document")[1]({**features, "token_embeddings": flat})["sentence_embedding"]
    torch.testing.assert_close(found, expected)


def test_the_model_is_itself_again_afterwards(tmp_path: Path) -> None:
    model = models.bert_with_prompts_and_pruning(tmp_path).to("cpu")
    before = model.encode_document(TEXTS, convert_to_sparse_tensor=False)
    names = [name for name, _ in model.named_parameters()]
    with lean_heads(model):
        assert [name for name, _ in model.named_parameters()] == names
        lean = model.encode_document(TEXTS, convert_to_sparse_tensor=False)
        model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    assert torch.equal(model.encode_document(TEXTS, convert_to_sparse_tensor=False), before)
    assert (lean - before).abs().max() <= TOLERANCE
    saved = SparseEncoder(str(tmp_path / "saved"), device="cpu")
    assert [type(module) for module in saved] == [type(module) for module in model]
    assert torch.equal(saved.encode_document(TEXTS, convert_to_sparse_tensor=False), before)


@pytest.mark.parametrize("name", ["sum_pooling", "csr"])
def test_a_model_without_a_maximum_is_left_alone(name: str, tmp_path: Path) -> None:
    model = models.MODELS[name](tmp_path)
    with lean_heads(model) as sides:
        assert sides == 0


def test_a_head_that_does_more_after_its_last_product_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = models.bert(tmp_path).to("cpu")
    transformer: Any = modules_of(model, "document")[0]
    decoder = transformer.model.get_output_embeddings()
    decoder.register_forward_hook(lambda module, inputs, output: output * 0.5)
    before = model.encode_document(TEXTS, convert_to_sparse_tensor=False)
    with lean_heads(model) as sides:
        assert sides == 0
        assert torch.equal(model.encode_document(TEXTS, convert_to_sparse_tensor=False), before)
    assert "the head of sentence-transformers" in caplog.text


def test_a_card_finds_the_winners_that_a_processor_finds() -> None:
    torch.manual_seed(0)
    for bias in (None, torch.randn(50) - 1):
        logits = torch.randn(50, 4, 7)
        (values, places), (wanted, expected) = _winners_of_all(logits, bias), _winners_of_few(logits, bias)
        assert torch.equal(values, wanted)
        assert 0 < (values > 0).sum() < values.numel() or bias is None
        assert torch.equal(places[values > 0], expected[values > 0])
    on_meta = _winners(torch.empty(50, 4, 7, dtype=torch.bfloat16, device="meta"), None)
    assert [part.device.type for part in on_meta] == ["meta", "meta"]
