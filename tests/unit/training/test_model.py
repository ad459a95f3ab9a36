"""Models are built from their bases, and what can't be is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer, SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from sentence_transformers.sparse_encoder.modules import Dense, SparseAutoEncoder, SparseStaticEmbedding

from postings import Encoder
from postings.encoder.toolkit import modules_of
from postings.errors import ConfigurationError, ModelNotFound, ModelNotSupported
from postings_training.models.from_base import build_model
from postings_training.models.inference_free import inverse_frequencies
from postings_training.models.truncation import length_limit, truncated_to
from postings_training.recipes.sections import ModelSettings
from tests.support import models


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("dense")
    transformer: Transformer = models.csr(folder)[0]  # type: ignore[assignment]
    SentenceTransformer(modules=[transformer, Pooling(32, "mean"), Normalize()]).save_pretrained(str(folder / "model"))
    return str(folder / "model")


def test_a_splade_base_is_taken_in_full_precision() -> None:
    model = build_model("tiny", ModelSettings(max_length=64, query_prompt="q: ", dropout=0.25), "cpu")
    assert {part.dtype for part in model.parameters()} == {torch.float32}
    assert model.max_seq_length == 64
    assert model.prompts["query"] == "q: "
    assert {each.p for each in model.modules() if isinstance(each, torch.nn.Dropout)} == {0.25}


def test_inference_free_queries_start_with_inverse_document_frequencies(tmp_path: Path) -> None:
    documents = ["a lion hunts", "a lion sleeps", "a nightingale"]
    model = build_model("tiny", ModelSettings(kind="inference-free"), "cpu", documents)
    assert isinstance(model[0], Router)
    (static,) = modules_of(model, "query")
    assert isinstance(static, SparseStaticEmbedding)
    vocabulary = static.tokenizer.get_vocab()
    expected = {word: math.log1p((3 - n + 0.5) / (n + 0.5)) for word, n in (("a", 3), ("lion", 2), ("zebra", 0))}
    found = {word: static.weight[vocabulary[word]].item() for word in expected}
    assert found == pytest.approx(expected)
    assert static.weight.requires_grad
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    (vector,) = Encoder.load(tmp_path / "saved", "cpu").encode_queries(["lion lion"])
    assert vector.values.tolist() == pytest.approx([expected["lion"]])
    again = build_model(str(tmp_path / "saved"), ModelSettings(kind="inference-free"), "cpu", ["other"])
    assert torch.equal(modules_of(again, "query")[0].weight, static.weight)


def test_csr_puts_an_autoencoder_on_a_frozen_dense_model(dense: str) -> None:
    model = build_model(dense, ModelSettings(kind="csr"), "cpu")
    autoencoder = model[-1]
    assert isinstance(autoencoder, SparseAutoEncoder)
    assert (autoencoder.hidden_dim, autoencoder.k, autoencoder.k_aux) == (128, 8, 16)
    assert model.similarity_fn_name == "dot"
    assert not any(part.requires_grad for module in list(model)[:-1] for part in module.parameters())
    assert all(part.requires_grad for part in autoencoder.parameters())
    model = build_model(dense, ModelSettings(kind="csr", frozen=False), "cpu")
    assert {name for name, part in model.named_parameters() if not part.requires_grad} == {
        "0.model.pooler.dense.weight",
        "0.model.pooler.dense.bias",
    }


@pytest.mark.parametrize("settings", [{"k": 64}, {"k_aux": 200}])
def test_more_latents_than_there_are_is_a_wrong_setting(dense: str, settings: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=r"model\.width is 128: expected at least 4 x model\.k"):
        build_model(dense, ModelSettings(kind="csr", **settings), "cpu")  # type: ignore[arg-type]


def test_a_base_of_the_wrong_kind_is_refused(dense: str) -> None:
    with pytest.raises(ModelNotSupported, match=r"model\.kind is 'splade'.*ends in SparseAutoEncoder"):
        build_model(dense, ModelSettings(), "cpu")


def test_a_base_that_is_not_there_or_damaged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        build_model("no-such-model", ModelSettings(), "cpu")
    folder = models.copy_of_tiny(tmp_path)
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelNotSupported, match=r"can't be loaded"):
        build_model(str(folder), ModelSettings(), "cpu")


def test_no_document_gives_every_token_the_same_weight() -> None:
    tokenizer = models.small_tokenizer()
    weights = inverse_frequencies(tokenizer, [])
    assert weights.unique().tolist() == pytest.approx([math.log(2)])


def test_what_was_built_is_a_plain_sparse_encoder(dense: str) -> None:
    assert type(build_model(dense, ModelSettings(kind="csr"), "cpu")) is SparseEncoder


def test_fewer_tokens_are_read_for_a_while() -> None:
    model = build_model("tiny", ModelSettings(max_length=64), "cpu")
    with truncated_to(model, 16):
        assert model.max_seq_length == 16
        with truncated_to(model, None):
            assert model.max_seq_length == 16
    assert model.max_seq_length == 64
    assert [length_limit(model, tokens) for tokens in (16, 500, None)] == [16, 64, 64]


def test_latents_can_start_as_components_and_vectors_have_length_1(dense: str, tmp_path: Path) -> None:
    documents = [f"{first} {second}" for first in ("cat", "dog", "lion", "heron") for second in "abcdefghijkl"]
    settings = ModelSettings(kind="csr", width=16, k=4, k_aux=8, start="components", normalize=True)
    model = build_model(dense, settings, "cpu", documents)
    *frozen, autoencoder, last = model
    assert isinstance(last, Normalize)
    assert isinstance(autoencoder, SparseAutoEncoder)
    weight = autoencoder.encoder.weight
    torch.testing.assert_close(weight[:8], -weight[8:])
    assert all(part.requires_grad for part in autoencoder.parameters())
    assert not any(part.requires_grad for module in frozen for part in module.parameters())
    model.save_pretrained(str(tmp_path / "saved"))
    for vector in Encoder.load(tmp_path / "saved", "cpu").encode_documents(documents):
        assert 1 <= len(vector) <= 4
        assert float((vector.values**2).sum()) == pytest.approx(1, rel=1e-4)


def test_a_csr_base_keeps_its_latents(tmp_path: Path) -> None:
    base = models.csr(tmp_path)
    base.save_pretrained(str(tmp_path / "saved"))
    found = build_model(str(tmp_path / "saved"), ModelSettings(kind="csr"), "cpu")
    torch.testing.assert_close(found[-1].encoder.weight.detach(), base[-1].encoder.weight.detach().cpu())
    with pytest.raises(ConfigurationError, match=r"model\.start: the base saved already has latents"):
        build_model(str(tmp_path / "saved"), ModelSettings(kind="csr", start="components"), "cpu")


def test_queries_can_keep_all_latents(dense: str, tmp_path: Path) -> None:
    documents = [f"{first} {second}" for first in ("cat", "dog", "lion", "heron") for second in "abcdefghijkl"]
    settings = ModelSettings(kind="csr", width=16, k=4, k_aux=8, start="components", whole_queries=True, normalize=True)
    model = build_model(dense, settings, "cpu", documents)
    (layer, _), (autoencoder, _) = (modules_of(model, task)[-2:] for task in ("query", "document"))  # type: ignore[arg-type]
    assert isinstance(layer, Dense)
    assert isinstance(autoencoder, SparseAutoEncoder)
    trained = {id(part) for module in (layer, autoencoder) for part in module.parameters()}
    assert {id(part) for part in model.parameters() if part.requires_grad} == trained
    folder = tmp_path / "saved"
    model.save_pretrained(str(folder))
    encoder, plain = Encoder.load(folder, "cpu"), SparseEncoder(str(folder), device="cpu")
    for encode, reference, least, most in (
        (encoder.encode_queries, plain.encode_query, 5, 16),
        (encoder.encode_documents, plain.encode_document, 1, 4),
    ):
        wanted = reference(documents, convert_to_sparse_tensor=False).numpy()
        for vector, row in zip(encode(documents), wanted, strict=True):
            assert least <= len(vector) <= most
            assert vector.indices.tolist() == row.nonzero()[0].tolist()
            assert vector.values == pytest.approx(row[vector.indices], abs=1e-6)
    again = build_model(str(folder), ModelSettings(kind="csr"), "cpu")
    assert [type(module) for module in again] == [type(module) for module in model]
    assert sum(part.requires_grad for part in again.parameters()) == len(trained)
