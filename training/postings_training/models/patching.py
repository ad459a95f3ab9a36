"""Give a model the lean head of :mod:`postings_training.models.lean_head` for as long as it is trained."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from postings.encoder.torch_model import modules_of
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
    """Compute the SPLADE sides of a model maximum first, forwards and backwards, inside the ``with`` block.

    The modules, their names and their parameters stay what they are, so optimizers, checkpoints and ``save_pretrained``
    see a plain model. A side that can't be done this way, which a probe shows, is left to sentence-transformers.

    Args:
        model: any sparse encoder; sides that aren't SPLADE with max pooling are left alone.

    Returns:
        How many sides got the lean head.

    Example:
        >>> from sentence_transformers import SparseEncoder
        >>> from postings.encoder.sources import model_folder
        >>> with lean_heads(SparseEncoder(str(model_folder("tiny")), device="cpu")) as sides:
        ...     sides
        1
    """
    attached: list[nn.Module] = []
    try:
        for transformer, pooling in _sides(model):
            decoder = transformer.model.get_output_embeddings()
            expected = _probe(transformer, pooling)
            replaced: dict[nn.Module, Callable[..., Any]] = {decoder: _same, pooling: partial(_pool, pooling, decoder)}
            for module, forward in replaced.items():
                _replace(module, forward)
                attached.append(module)
            if not _agrees(expected, transformer, pooling):
                log.warning("%s is trained by sentence-transformers' own head", type(transformer.model).__name__)
                for module in replaced:
                    _restore(module)
                    attached.remove(module)
        yield len(attached) // 2
    finally:
        for module in attached:
            _restore(module)


def _sides(model: SparseEncoder) -> list[tuple[Any, SpladePooling]]:
    """The transformers and poolings of documents and queries, those that both share once."""
    found: dict[int, tuple[Any, SpladePooling]] = {}
    for modules in (modules_of(model, "document"), modules_of(model, "query")):
        if len(modules) != 2 or type(modules[1]).__name__ != "SpladePooling" or modules[1].pooling_strategy != "max":
            continue
        decoder = getattr(modules[0].model, "get_output_embeddings", lambda: None)()
        if isinstance(decoder, nn.Linear):
            found[id(modules[0])] = (modules[0], modules[1])
    return list(found.values())


def _replace(module: nn.Module, forward: Callable[..., Any]) -> None:
    module.__dict__["forward"] = forward  # as accelerate does with a model's; its class and parameters stay


def _restore(module: nn.Module) -> None:
    del module.__dict__["forward"]


def _same(vectors: Tensor) -> Tensor:
    return vectors


def _pool(pooling: SpladePooling, decoder: nn.Linear, features: Features) -> Features:
    """What ``SpladePooling.forward`` does, on the vectors that the decoder would have taken."""
    hidden, mask = features["token_embeddings"], features["attention_mask"]
    if "cu_seq_lens_q" in features:
        # Texts lie end to end, without padding. To pad them again costs little at this width.
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
