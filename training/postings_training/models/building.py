"""The model that a recipe trains, built from its base."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import nn

from postings.encoder.folder import Task, modules_in, sparse_module
from postings.encoder.sources import model_folder
from postings.encoder.torch_model import modules_of
from postings.errors import ConfigurationError, ModelNotSupported, PostingsError
from postings_training.models.csr_start import start_from_components, whole
from postings_training.recipes.sections import Model

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding

log = logging.getLogger(__name__)

_STARTED_FROM = 2_000


def build_model(base: str, settings: Model, device: str, documents: Iterable[str] = ()) -> SparseEncoder:
    """Load the base and make it what the recipe wants; nothing in its folder is executed.

    Args:
        base: ``tiny``, a folder or a hub id: a sparse encoder, a masked-language model, or for CSR a dense model.
        settings: of the recipe.
        device: ``cpu``, ``cuda``, …
        documents: the training texts; inference-free queries start with their tokens' inverse document frequency,
            CSR's latents with their principal components, if it is so set.

    Raises:
        ModelNotFound: there is no such base.
        ModelNotSupported: it can't be loaded, or not be made into this kind of model.
        ConfigurationError: ``model.k`` and its like don't fit the base.
    """
    folder = model_folder(base)
    try:
        model = _csr(folder, settings, device, documents) if settings.kind == "csr" else _splade(folder, device)
    except PostingsError:
        raise
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and others for a broken folder
        raise ModelNotSupported(f"the base {base!r} can't be loaded: {error}") from error
    last = sparse_module([type(module).__name__ for module in modules_of(model, "document")])
    wanted = "SparseAutoEncoder" if settings.kind == "csr" else "SpladePooling"
    if last != wanted:
        raise ModelNotSupported(
            f"model.kind is {settings.kind!r}, but the base {base!r} gives a model that ends in {last}, not {wanted}: "
            "SPLADE needs a masked-language model, CSR a dense one"
        )
    if settings.kind == "inference-free":
        model = _with_static_queries(model, documents, device)
    if settings.max_length is not None:
        modules_of(model, "document")[0].max_seq_length = settings.max_length
    for task, prompt in (("query", settings.query_prompt), ("document", settings.document_prompt)):
        if prompt:
            model.prompts[task] = prompt
    if settings.dropout is not None:
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = settings.dropout
    return model


def _load(cls: Any, folder: Path, device: str) -> Any:
    return cls(
        str(folder),
        device=device,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": torch.float32},
    )


def _splade(folder: Path, device: str) -> SparseEncoder:
    from sentence_transformers import SparseEncoder

    model: SparseEncoder = _load(SparseEncoder, folder, device)
    return model


def _csr(folder: Path, settings: Model, device: str, documents: Iterable[str]) -> SparseEncoder:
    from sentence_transformers import SentenceTransformer, SparseEncoder

    # Loaded as a dense model, a CSR model would lose its latents without a word.
    if any(module.name == "SparseAutoEncoder" for module in modules_in(folder, "document")):
        if given := sorted(settings.model_fields_set & {"k", "k_aux", "width", "start", "whole_queries", "normalize"}):
            raise ConfigurationError(f"model.{given[0]}: the base {folder.name} has its latents already")
        model: SparseEncoder = _load(SparseEncoder, folder, device)
    else:
        model = _with_latents(_load(SentenceTransformer, folder, device), settings, device, documents)
    # Nothing reads the pooler: it gets no gradients, which several GPUs would wait for.
    for task in get_args(Task):
        pooler = getattr(getattr(modules_of(model, task)[0], "model", None), "pooler", None)
        if pooler is not None:
            pooler.requires_grad_(requires_grad=False)
    if settings.frozen:
        model.requires_grad_(requires_grad=False)
        for task in get_args(Task):
            *_, latents = [each for each in modules_of(model, task) if type(each).__name__ != "Normalize"]
            latents.requires_grad_(requires_grad=True)
    return model


def _with_latents(dense: Any, settings: Model, device: str, documents: Iterable[str]) -> SparseEncoder:
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Normalize, Router
    from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

    modules, dims = list(dense), dense.get_embedding_dimension()
    from_components = settings.start == "components"
    k, width = settings.k or dims // 4, settings.width or (2 if from_components else 4) * dims
    k_aux = settings.k_aux or min(dims // 2, width)
    if 4 * k > width or k_aux > width:
        raise ConfigurationError(
            f"model.k is {k} and model.k_aux {k_aux}, but there are {width} latents (model.width): the loss takes "
            "four times k of them, and k_aux"
        )
    autoencoder = SparseAutoEncoder(input_dim=dims, hidden_dim=width, k=k, k_aux=k_aux)
    latents: Any = autoencoder
    if from_components:
        texts = list(dict.fromkeys(documents))
        some = texts[:: max(1, len(texts) // max(_STARTED_FROM, 2 * width))]
        log.info("the latents start from the principal components of %d documents", len(some))
        vectors = dense.encode_document(some, convert_to_tensor=True, show_progress_bar=False)
        vectors = vectors.float().cpu()
        start_from_components(autoencoder, vectors)
        if settings.whole_queries:
            latents = Router.for_query_document([whole(autoencoder, vectors)], [autoencoder])
    modules += [latents, *([Normalize()] if settings.normalize else [])]
    # Qdrant scores by dot product, whatever the dense model compares by.
    return SparseEncoder(modules=modules, prompts=dense.prompts, device=device, similarity_fn_name="dot")


def _with_static_queries(model: SparseEncoder, documents: Iterable[str], device: str) -> SparseEncoder:
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding

    sides = modules_of(model, "document")
    if isinstance(modules_of(model, "query")[-1], SparseStaticEmbedding):
        return model
    tokenizer: Any = sides[0].tokenizer
    static: SparseStaticEmbedding = SparseStaticEmbedding(
        tokenizer, weight=inverse_frequencies(tokenizer, documents), frozen=False
    )
    router = Router.for_query_document(query_modules=[static], document_modules=sides)
    return SparseEncoder(
        modules=[router],
        prompts={task: prompt or "" for task, prompt in model.prompts.items()},
        device=device,
        similarity_fn_name="dot",
    )


@contextmanager
def reading(model: SparseEncoder, tokens: int | None) -> Iterator[None]:
    """Read so many tokens of a text inside the ``with`` block; ``None`` changes nothing."""
    first = modules_of(model, "document")[0]
    before = first.max_seq_length
    first.max_seq_length = tokens or before
    try:
        yield
    finally:
        first.max_seq_length = before


def at_most(model: SparseEncoder, tokens: int | None) -> int | None:
    """So many tokens, or as many as a model reads of a text if these are fewer; ``None`` if nothing limits them."""
    limits = (tokens, modules_of(model, "document")[0].max_seq_length)
    return min((limit for limit in limits if limit), default=None)


def inverse_frequencies(tokenizer: Any, documents: Iterable[str]) -> torch.Tensor:
    """How much each token says, shape ``(vocabulary,)``: BM25's ``log(1 + (N - n + 0.5) / (n + 0.5))``.

    ``n`` of the ``N`` documents have the token. Robertson and Zaragoza 2009, https://doi.org/10.1561/1500000019
    """
    counts = torch.zeros(len(tokenizer.get_vocab()))
    total = 0
    for batch in _batched(documents, 1024):
        for ids in tokenizer(batch, add_special_tokens=False, truncation=True)["input_ids"]:
            counts[torch.tensor(sorted(set(ids)), dtype=torch.int64)] += 1
        total += len(batch)
    return torch.log1p((total - counts + 0.5) / (counts + 0.5))


def _batched(texts: Iterable[str], size: int) -> Iterable[Sequence[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
