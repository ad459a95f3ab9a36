"""A CSR model on a dense base."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from postings.encoder.toolkit import Task, modules_in, modules_of
from postings.errors import ConfigurationError
from postings_training.models.base import load_base
from postings_training.models.csr_start import start_from_components, whole_query_layer
from postings_training.recipes.sections import ModelSettings

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

log = logging.getLogger(__name__)

_STARTED_FROM = 2_000
"""Number of training texts, at least, that ``start = "components"`` is computed from."""


def csr_model(folder: Path, settings: ModelSettings, device: str, documents: Iterable[str]) -> SparseEncoder:
    """Load a CSR model, or a dense model and put an autoencoder behind it.

    Args:
        folder: of the base.
        settings: ``k``, ``width`` and the other settings of csr.
        device: ``cpu``, ``cuda``, …
        documents: the training texts, which ``start = "components"`` needs.

    Raises:
        ConfigurationError: the settings don't fit the base.
    """
    from sentence_transformers import SentenceTransformer, SparseEncoder

    # SentenceTransformer would load a CSR model too, and silently drop its autoencoder.
    if any(module.name == "SparseAutoEncoder" for module in modules_in(folder, "document")):
        if given := sorted(settings.model_fields_set & {"k", "k_aux", "width", "start", "whole_queries", "normalize"}):
            raise ConfigurationError(f"model.{given[0]}: the base {folder.name} already has latents")
        model: SparseEncoder = load_base(SparseEncoder, folder, device)
    else:
        model = _with_latents(load_base(SentenceTransformer, folder, device), settings, device, documents)
    # Nothing reads the pooler's output, so it gets no gradients, for which several GPUs would wait.
    for task in get_args(Task):
        pooler = getattr(getattr(modules_of(model, task)[0], "model", None), "pooler", None)
        if pooler is not None:
            pooler.requires_grad_(requires_grad=False)
    if settings.frozen is not False:
        model.requires_grad_(requires_grad=False)
        for task in get_args(Task):
            *_, latents = [each for each in modules_of(model, task) if type(each).__name__ != "Normalize"]
            latents.requires_grad_(requires_grad=True)
    return model


def _with_latents(dense: Any, settings: ModelSettings, device: str, documents: Iterable[str]) -> SparseEncoder:
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Normalize, Router
    from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

    modules, dims = list(dense), dense.get_embedding_dimension()
    from_components = settings.start == "components"
    k, width = settings.k or dims // 4, settings.width or (2 if from_components else 4) * dims
    k_aux = settings.k_aux or min(dims // 2, width)
    if 4 * k > width or k_aux > width:
        raise ConfigurationError(
            f"model.width is {width}: expected at least 4 x model.k ({k}) and at least model.k_aux ({k_aux}), "
            "because the loss takes as many latents"
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
            latents = Router.for_query_document([whole_query_layer(autoencoder, vectors)], [autoencoder])
    modules += [latents, *([Normalize()] if settings.normalize else [])]
    # Qdrant scores by dot product, even if the dense model compares by cosine.
    return SparseEncoder(modules=modules, prompts=dense.prompts, device=device, similarity_fn_name="dot")
