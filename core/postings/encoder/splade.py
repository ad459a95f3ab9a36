"""SPLADE's head and max pooling, maximum first.

sentence-transformers computes ``log1p(relu(logits))`` over the whole ``(batch, length, vocabulary)`` tensor and then
takes the maximum over the length. Both functions are monotonic, so the maximum of the logits can be taken first:
the same weights come from V logarithms a text instead of L x V, tile by tile, with next to no padding.

SPLADE: Formal et al. 2021, https://arxiv.org/abs/2109.10086; ``log1p_relu``: https://arxiv.org/abs/2504.14839
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

_TILE = 2048
_TOKENS = 512
_TOLERANCE = 1e-4


class MaxFirst:
    """The encode path of a SPLADE model whose head ends in one matrix product.

    Args:
        transformer: sentence-transformers' module, with a masked-language-model head.
        pooling: its :class:`SpladePooling`, with strategy ``max``.
    """

    def __init__(self, transformer: Transformer, pooling: SpladePooling) -> None:
        self._transformer = transformer
        self._model: Any = transformer.model
        self._decoder: nn.Linear = self._model.get_output_embeddings()
        self._logarithms = 2 if pooling.activation_function == "log1p_relu" else 1

    @classmethod
    def of(cls, transformer: Transformer, pooling: SpladePooling) -> MaxFirst | None:
        """Take this path if the model allows it: shown by encoding a probe on both paths, not by its name."""
        model: Any = transformer.model
        tokenizer: Any = transformer.tokenizer
        if pooling.pooling_strategy != "max" or tokenizer.padding_side != "right":
            return None
        if not isinstance(model.get_output_embeddings(), nn.Linear):
            return None
        path = cls(transformer, pooling)
        features = _features(transformer, ["a probe of the head", "and another, a little longer"])
        with torch.inference_mode():
            expected = pooling(transformer(dict(features)))["sentence_embedding"]
            try:
                found = path(features)
            except (AttributeError, RuntimeError, TypeError, ValueError):
                return None
        same = found.shape == expected.shape and bool((found - expected).abs().max() <= _TOLERANCE)
        return path if same else None

    def __call__(self, features: dict[str, Tensor]) -> Tensor:
        """Encode a batch of tokenized texts to weights of shape ``(batch, vocabulary)``."""
        hidden, lengths = self._hidden(features)
        weights = hidden.new_empty((len(lengths), self._decoder.weight.shape[0]))
        # Vocabulary by tokens, so that the maximum runs along contiguous memory; a tile fits a processor's cache.
        tile = hidden.new_empty(_TILE * max(_TOKENS, *lengths))
        for group, longest in _groups(lengths):
            tokens = hidden[group, :longest].flatten(0, 1).T.contiguous()
            for start in range(0, weights.shape[1], _TILE):
                decoder = self._decoder.weight[start : start + _TILE]
                logits = tile[: len(decoder) * tokens.shape[1]].view(len(decoder), tokens.shape[1])
                torch.mm(decoder, tokens, out=logits)
                weights[group, start : start + _TILE] = logits.view(len(decoder), -1, longest).amax(2).T
        if self._decoder.bias is not None:
            weights += self._decoder.bias
        weights.relu_()
        for _ in range(self._logarithms):
            weights.log1p_()
        return weights

    def logits(self, features: dict[str, Tensor], indices: Tensor) -> Tensor:
        """One text's logits of some vocabulary entries, shape ``(length, len(indices))``."""
        hidden, _ = self._hidden(features)
        logits = hidden[0] @ self._decoder.weight[indices].T
        return logits if self._decoder.bias is None else logits + self._decoder.bias[indices]

    def _hidden(self, features: dict[str, Tensor]) -> tuple[Tensor, list[int]]:
        """The vectors that the head's last product takes, ``(batch, length, width)``, and each text's length.

        Padding holds a copy of the text's first position, which changes no maximum.
        """
        mask = features["attention_mask"].bool()
        with self._without_decoder():
            hidden = self._transformer(dict(features))["token_embeddings"]
        return torch.where(mask.unsqueeze(2), hidden, hidden[:, :1]), mask.sum(1).tolist()

    @contextmanager
    def _without_decoder(self) -> Iterator[None]:
        self._model.set_output_embeddings(_Nothing())
        try:
            yield
        finally:
            self._model.set_output_embeddings(self._decoder)


def _groups(lengths: list[int]) -> Iterator[tuple[slice, int]]:
    """Neighbouring texts whose padded tokens fit one product, and the longest's length."""
    start, longest = 0, 0
    for end, length in enumerate(lengths):
        if end > start and (end + 1 - start) * max(longest, length) > _TOKENS:
            yield slice(start, end), longest
            start, longest = end, 0
        longest = max(longest, length)
    yield slice(start, len(lengths)), longest


class _Nothing(nn.Identity):
    bias = None  # BERT's set_output_embeddings ties the bias of whatever it is given


def _features(transformer: Transformer, texts: list[str]) -> dict[str, Tensor]:
    device = next(transformer.parameters()).device
    prepared = transformer.preprocess(texts)
    return {name: value.to(device) for name, value in prepared.items() if isinstance(value, Tensor)}
