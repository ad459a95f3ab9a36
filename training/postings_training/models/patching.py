"""Replacing the SPLADE heads of a model by :mod:`.lean_head` while it is trained."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from postings.encoder.toolkit import modules_of
from postings_training.models.lean_head import pooled

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SpladePooling

log = logging.getLogger(__name__)

_PROBE = ["a probe of the head", "and another, a little longer", ""]
_TOLERANCE = 1e-4

Features = dict[str, Any]


@contextmanager
def lean_heads(model: SparseEncoder) -> Iterator[int]:
    """Replace the SPLADE heads of a model by lean ones inside the ``with`` block.

    Only the ``forward`` methods are replaced. Modules, their names and their parameters don't change, so optimizers,
    checkpoints and ``save_pretrained`` see a plain model. Each lean head is first compared with the original on a few
    texts; if they disagree, the original stays.

    Args:
        model: any sparse encoder; sides that aren't SPLADE with max pooling don't change.

    Returns:
        The number of sides with a lean head.

    Example:
        >>> from sentence_transformers import SparseEncoder
        >>> from postings.encoder.toolkit import model_folder
        >>> with lean_heads(SparseEncoder(str(model_folder("tiny")), device="cpu")) as sides:
        ...     sides
        1
    """
    replaced_modules: list[nn.Module] = []
    try:
        for transformer, pooling in _sides(model):
            decoder = transformer.model.get_output_embeddings()
            expected = _probe(transformer, pooling)
            pool = partial(_pool, pooling, decoder)
            forwards: dict[nn.Module, Callable[..., Any]] = {decoder: _identity, pooling: pool}
            for module, forward in forwards.items():
                _replace(module, forward)
                replaced_modules.append(module)
            if not _agrees(expected, transformer, pooling):
                log.warning("%s is trained with the head of sentence-transformers", type(transformer.model).__name__)
                for module in forwards:
                    _restore(module)
                    replaced_modules.remove(module)
        yield len(replaced_modules) // 2
    finally:
        for module in replaced_modules:
            _restore(module)


def _sides(model: SparseEncoder) -> list[tuple[Any, SpladePooling]]:
    """The transformers and poolings of documents and queries, once if they share them."""
    found: dict[int, tuple[Any, SpladePooling]] = {}
    for modules in (modules_of(model, "document"), modules_of(model, "query")):
        if len(modules) != 2 or type(modules[1]).__name__ != "SpladePooling" or modules[1].pooling_strategy != "max":
            continue
        decoder = getattr(modules[0].model, "get_output_embeddings", lambda: None)()
        if isinstance(decoder, nn.Linear):
            found[id(modules[0])] = (modules[0], modules[1])
    return list(found.values())


def _replace(module: nn.Module, forward: Callable[..., Any]) -> None:
    module.__dict__["forward"] = forward  # as accelerate does; the class and the parameters don't change


def _restore(module: nn.Module) -> None:
    del module.__dict__["forward"]


def _identity(vectors: Tensor) -> Tensor:
    return vectors


def _pool(pooling: SpladePooling, decoder: nn.Linear, features: Features) -> Features:
    """Do what ``SpladePooling.forward`` does, but with the vectors before the decoder."""
    hidden, mask = features["token_embeddings"], features["attention_mask"]
    if "cu_seq_lens_q" in features:
        # Texts are concatenated without padding. Padding them again is cheap at this width.
        lengths = features["cu_seq_lens_q"].diff()
        hidden = pad_sequence(hidden.squeeze(0).split(lengths.tolist()), batch_first=True)
        mask = torch.arange(hidden.shape[1], device=hidden.device) < lengths.unsqueeze(1)
    logarithms = 2 if pooling.activation_function == "log1p_relu" else 1
    features["sentence_embedding"] = pooled(hidden, mask, decoder, logarithms)
    if pooling.embedding_dimension is None:
        pooling.embedding_dimension = len(decoder.weight)
    return features


@torch.no_grad()
def _probe(transformer: Any, pooling: SpladePooling) -> Tensor:
    before = transformer.training, pooling.training
    transformer.eval(), pooling.eval()
    device = next(transformer.parameters()).device
    features = {name: part.to(device) for name, part in transformer.preprocess(_PROBE).items() if torch.is_tensor(part)}
    try:
        found: Tensor = pooling(transformer(features))["sentence_embedding"]
        return found.float()
    finally:
        transformer.train(before[0]), pooling.train(before[1])


def _agrees(expected: Tensor, transformer: Any, pooling: SpladePooling) -> bool:
    try:
        found = _probe(transformer, pooling)
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        log.debug("the lean head fails: %s", error)
        return False
    tolerance = _TOLERANCE if next(transformer.parameters()).dtype == torch.float32 else 0.5
    return found.shape == expected.shape and bool((found - expected).abs().max() <= tolerance)
