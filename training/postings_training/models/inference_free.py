"""Inference-free queries: one learned weight a token, so that searching needs no language model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from postings.batching import batched
from postings.encoder.toolkit import modules_of
from postings_training.data.word_statistics import inverse_document_frequency

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding


def with_static_queries(model: SparseEncoder, documents: Iterable[str], device: str) -> SparseEncoder:
    """Replace the query side by one weight a token, unless the model has such a side already.

    Args:
        model: a SPLADE model, which remains the document side.
        documents: the training texts; the weights start as the inverse document frequencies in them.
        device: ``cpu``, ``cuda``, …
    """
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


def inverse_frequencies(tokenizer: Any, documents: Iterable[str]) -> torch.Tensor:
    """The inverse document frequency of each token, shape ``(vocabulary,)``."""
    having: Counter[int] = Counter()
    total = 0
    for batch in batched(documents, 1024):
        for ids in tokenizer(batch, add_special_tokens=False, truncation=True)["input_ids"]:
            having.update(set(ids))
        total += len(batch)
    return torch.tensor([inverse_document_frequency(having[id], total) for id in range(len(tokenizer.get_vocab()))])
