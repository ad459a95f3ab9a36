"""Small models with random weights, one for each architecture that the encoder serves."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from string import ascii_lowercase

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer, SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from sentence_transformers.sparse_encoder.modules import Dense, SparseAutoEncoder, SparseStaticEmbedding, SpladePooling
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    BertTokenizer,
    DistilBertConfig,
    DistilBertForMaskedLM,
    LongformerConfig,
    LongformerForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaTokenizerFast,
)

from postings.encoder.model_files.fingerprint import fingerprint
from postings.encoder.model_files.location import BUNDLED

TEXTS = [
    "A man is eating food.",
    "The quick brown fox jumps over the lazy dog, again and again and again.",
    "Zürich, naïve café: 東京 👩‍🚀 e\u0301",
    "word " * 700,
    "x",
    "",
]
"""Short, long (over every window), empty, and outside ASCII."""

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ONE_LAYER = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
_TWO_LAYERS = {**_ONE_LAYER, "num_hidden_layers": 2}
"""Exporting a model takes seconds a layer; `modernbert` shows that layers may be several."""


def bert_tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(BUNDLED / "tiny")


def small_tokenizer() -> PreTrainedTokenizerBase:
    """A WordPiece tokenizer with few entries, always the same, so that graphs are exported once for all tests."""
    words = re.findall(r"[a-z]+", " ".join([*TEXTS[:2], "word lion hunts cheetah running prey"]).lower())
    pieces = [*ascii_lowercase, "ing", "s"]
    entries = [*SPECIAL_TOKENS, ".", ",", "東", "京", *words, *pieces, *(f"##{piece}" for piece in pieces)]
    return BertTokenizer(vocab={entry: id for id, entry in enumerate(dict.fromkeys(entries))}, model_max_length=256)


def roberta_tokenizer(folder: Path, length: int | None = 128) -> PreTrainedTokenizerBase:
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(TEXTS * 3, vocab_size=600, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    trained.save_model(str(folder))
    return RobertaTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=length)


def _transformer(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, task: str) -> Transformer:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return Transformer(str(folder), transformer_task=task)


def _lively(model: PreTrainedModel) -> PreTrainedModel:
    """Spread the weights: fresh ones give logits so near to zero that no dim would be tested."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def _sparse(model: PreTrainedModel) -> PreTrainedModel:
    """Lower the bias until a tenth of the vocabulary is active, as in a trained model."""
    decoder = _lively(model).get_output_embeddings()
    with torch.inference_mode():
        texts = torch.randint(5, len(decoder.weight), (8, 20))
        decoder.bias -= model(input_ids=texts).logits.amax(1).quantile(0.9)
    return model


def _splade(
    folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, **pooling: str
) -> list[torch.nn.Module]:
    return [_transformer(folder, model, tokenizer, "fill-mask"), SpladePooling(**pooling)]  # type: ignore[arg-type]


def _small_bert() -> BertConfig:
    return BertConfig(vocab_size=len(small_tokenizer()), max_position_embeddings=256, **_ONE_LAYER)


def bert(folder: Path) -> SparseEncoder:
    config = BertConfig(vocab_size=30522, max_position_embeddings=512, **_ONE_LAYER)
    return SparseEncoder(modules=_splade(folder, _sparse(BertForMaskedLM(config)), bert_tokenizer()))


def bert_with_prompts_and_pruning(folder: Path) -> SparseEncoder:
    modules = _splade(folder, _lively(BertForMaskedLM(_small_bert())), small_tokenizer())
    prompts = {"query": "find this: ", "document": "a passage: "}
    return SparseEncoder(modules=modules, prompts=prompts, max_active_dims=50)


def distilbert(folder: Path) -> SparseEncoder:
    config = DistilBertConfig(vocab_size=150, max_position_embeddings=256, dim=32, n_layers=1, n_heads=2, hidden_dim=64)
    model = _sparse(DistilBertForMaskedLM(config))
    modules = _splade(folder, model, small_tokenizer(), activation_function="log1p_relu")
    return SparseEncoder(modules=modules)


def roberta(folder: Path, length: int | None = 128, **pooling: str) -> SparseEncoder:
    tokenizer = roberta_tokenizer(folder, length)
    config = RobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=130, type_vocab_size=1, pad_token_id=1, **_ONE_LAYER
    )
    return SparseEncoder(modules=_splade(folder, _lively(RobertaForMaskedLM(config)), tokenizer, **pooling))


def roberta_without_length(folder: Path) -> SparseEncoder:
    """Its tokenizer names no length, and two of its positions are no tokens'."""
    return roberta(folder, None)


def modernbert(folder: Path, positions: int = 512, shape: dict[str, int] = _TWO_LAYERS) -> SparseEncoder:
    tokenizer = small_tokenizer()
    tokenizer.model_max_length = positions
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=positions,
        global_attn_every_n_layers=2,
        pad_token_id=0,
        **shape,
    )
    return SparseEncoder(modules=_splade(folder, _sparse(ModernBertForMaskedLM(config)), tokenizer))


def long_modernbert(folder: Path) -> SparseEncoder:
    """It reads 2,048 tokens."""
    return modernbert(folder, 2048, _ONE_LAYER)


def modernbert_without_bias(folder: Path) -> SparseEncoder:
    """Its decoder has no bias, so that a tenth of the vocabulary isn't all that is active."""
    config = ModernBertConfig(
        vocab_size=len(small_tokenizer()), max_position_embeddings=256, pad_token_id=0, decoder_bias=False, **_ONE_LAYER
    )
    return SparseEncoder(modules=_splade(folder, _lively(ModernBertForMaskedLM(config)), small_tokenizer()))


def small_bert(folder: Path) -> SparseEncoder:
    return SparseEncoder(modules=_splade(folder, _sparse(BertForMaskedLM(_small_bert())), small_tokenizer()))


def longformer(folder: Path) -> SparseEncoder:
    """Its attention depends on the data, which no graph can."""
    tokenizer = roberta_tokenizer(folder)
    config = LongformerConfig(
        vocab_size=len(tokenizer), max_position_embeddings=130, attention_window=[16], pad_token_id=1, **_ONE_LAYER
    )
    return SparseEncoder(modules=_splade(folder, _lively(LongformerForMaskedLM(config)), tokenizer))


def sum_pooling(folder: Path) -> SparseEncoder:
    return SparseEncoder(
        modules=_splade(folder, _lively(BertForMaskedLM(_small_bert())), small_tokenizer(), pooling_strategy="sum")
    )


def dense(folder: Path) -> SentenceTransformer:
    """A dense model that knows the words of `tiny`."""
    torch.manual_seed(0)
    config = BertConfig(vocab_size=30522, max_position_embeddings=128, **_ONE_LAYER)
    return SentenceTransformer(
        modules=[_transformer(folder, BertModel(config), bert_tokenizer(), "feature-extraction"), Pooling(32, "mean")]
    )


def csr(folder: Path) -> SparseEncoder:
    torch.manual_seed(0)
    dense = _transformer(folder, BertModel(_small_bert()), small_tokenizer(), "feature-extraction")
    autoencoder = SparseAutoEncoder(input_dim=32, hidden_dim=128, k=8, k_aux=16)
    return SparseEncoder(modules=[dense, Pooling(32, "mean"), Normalize(), autoencoder])


def csr_with_two_sides(folder: Path) -> SparseEncoder:
    """Queries have more active dims than documents, and vectors have length 1."""
    *dense, documents = csr(folder)
    queries = SparseAutoEncoder(input_dim=32, hidden_dim=128, k=24, k_aux=16)
    queries.load_state_dict(documents.state_dict())
    router = Router.for_query_document(
        query_modules=[*dense, queries, Normalize()], document_modules=[*dense, documents, Normalize()]
    )
    return SparseEncoder(modules=[router])


def csr_with_whole_queries(folder: Path, activation: torch.nn.Module | None = None) -> SparseEncoder:
    """Documents keep a few latents, queries all that are positive; the sides part after the transformer."""
    *dense, autoencoder = csr(folder)
    queries = Dense(32, 128, activation_function=activation or torch.nn.ReLU())
    router = Router.for_query_document(query_modules=[queries], document_modules=[autoencoder])
    return SparseEncoder(modules=[*dense, router, Normalize()])


def inference_free(folder: Path) -> SparseEncoder:
    modules = list(small_bert(folder))
    static = SparseStaticEmbedding(small_tokenizer(), weight=torch.rand(len(small_tokenizer())), frozen=True)
    return SparseEncoder(modules=[Router.for_query_document(query_modules=[static], document_modules=modules)])


SPLADE = ("bert", "bert_with_prompts_and_pruning", "distilbert", "roberta", "modernbert", "inference_free")
"""Those that run on either back end."""

MODELS: dict[str, Callable[[Path], SparseEncoder]] = {
    build.__name__: build
    for build in (
        bert,
        bert_with_prompts_and_pruning,
        distilbert,
        roberta,
        modernbert,
        sum_pooling,
        csr,
        csr_with_two_sides,
        csr_with_whole_queries,
        inference_free,
    )
}


def save(model: str | Callable[[Path], SentenceTransformer | SparseEncoder], folder: Path) -> Path:
    """Build a model and save it as sentence-transformers does; returns its folder."""
    build = MODELS[model] if isinstance(model, str) else model
    parts = folder / "parts"
    parts.mkdir()
    build(parts).save_pretrained(str(folder / build.__name__))
    return folder / build.__name__


def copy_of_tiny(folder: Path) -> Path:
    return Path(shutil.copytree(BUNDLED / "tiny", folder / "copy"))


def quiet_tiny(folder: Path, by: float = 2) -> Path:
    """The bundled model with a lower bias: what says nothing has no active dim.

    It has the bundled graphs: they hold no weights, so they fit.
    """
    copy = Path(shutil.copytree(BUNDLED / "tiny", folder / "quiet"))
    weights = load_file(copy / "model.safetensors")
    weights["cls.predictions.bias"] -= by
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    for name in ("transformer.json", "transformer-int8.json"):
        manifest = copy / "onnx" / name
        manifest.write_text(manifest.read_text().replace(fingerprint(BUNDLED / "tiny"), fingerprint(copy)))
    return copy
