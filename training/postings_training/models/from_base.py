"""A model built from its base, as a recipe wants it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from postings.encoder.toolkit import model_folder, modules_of, sparse_module
from postings.errors import ModelNotSupported, PostingsError
from postings_training.models.base import load_base
from postings_training.models.csr import csr_model
from postings_training.models.inference_free import with_static_queries
from postings_training.recipes.sections import ModelSettings

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder


def build_model(base: str, settings: ModelSettings, device: str, documents: Iterable[str] = ()) -> SparseEncoder:
    """Load the base and turn it into the recipe's kind of model; no code in its folder is executed.

    Args:
        base: ``tiny``, a folder or a hub id: a sparse encoder, a masked-language model, or for CSR a dense model.
        settings: section ``model`` of the recipe.
        device: ``cpu``, ``cuda``, …
        documents: the training texts. Inference-free queries start with the inverse document frequencies of their
            tokens; CSR's latents start with their principal components, if ``model.start`` says so.

    Raises:
        ModelNotFound: there is no such base.
        ModelNotSupported: it can't be loaded, or can't become this kind of model.
        ConfigurationError: ``model.k`` or another setting doesn't fit the base.
    """
    folder = model_folder(base)
    try:
        model = csr_model(folder, settings, device, documents) if settings.kind == "csr" else _splade(folder, device)
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
        model = with_static_queries(model, documents, device)
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


def _splade(folder: Path, device: str) -> SparseEncoder:
    from sentence_transformers import SparseEncoder

    model: SparseEncoder = load_base(SparseEncoder, folder, device)
    return model
