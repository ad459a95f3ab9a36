"""SPLADE on PyTorch.

sentence-transformers computes ``log1p(relu(logits))`` for the whole ``(batch, length, vocabulary)`` tensor and then
takes the maximum over the length. Both functions are monotonic, so the maximum of the logits can be taken first. That
gives the same weights with V logarithms a text instead of L x V, tile by tile, with next to no padding.

If the device multiplies bfloat16 faster than float32, the product is first computed in bfloat16, with a bound on the
error. Only the entries that can be active, one or two percent, are then computed in float32.

SPLADE: Formal et al. 2021, https://arxiv.org/abs/2109.10086; ``log1p_relu``: https://arxiv.org/abs/2504.14839
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from postings.encoder.model_files.tokenizer import Ids, Offsets, Tokenizer, padded
from postings.encoder.routes.activations import Activations, Floats, Integers, activations, padded_entries
from postings.encoder.routes.memory_errors import memory_errors
from postings.encoder.routes.screening import ScreenYield
from postings.errors import InvalidVector

if TYPE_CHECKING:
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

_TILE = 2048
_PASS = 1024
_PASS_GPU = 32_768
_BFLOAT16_ROUNDING = 2.0**-8
_SUMMING = 2.0**-23  # of each addition; tensor cores cut bits off where a CPU rounds
_TOLERANCE = {torch.float32: 1e-4, torch.float16: 0.05, torch.bfloat16: 0.5}


class TorchSplade:
    """Encodes documents, or queries, with a SPLADE model whose head ends in one matrix product.

    Args:
        transformer: the module of sentence-transformers, with a masked-language-model head.
        pooling: the :class:`SpladePooling` that follows it, with strategy ``max``.
        tokenizer: of the transformer.
        max_active_dims: keep only so many of the highest weights of each text.
    """

    def __init__(
        self, transformer: Transformer, pooling: SpladePooling, tokenizer: Tokenizer, max_active_dims: int | None
    ) -> None:
        self.model: Any = transformer.model
        self.decoder: nn.Linear = self.model.get_output_embeddings()
        self.dims = self.decoder.out_features
        self.logarithms = 2 if pooling.activation_function == "log1p_relu" else 1
        self.padding: int = transformer.tokenizer.pad_token_id  # type: ignore[union-attr]
        self.tokenizer = tokenizer
        self.pass_size = _PASS if self._device.type == "cpu" else _PASS_GPU
        self.concurrent = False
        self.max_active_dims = max_active_dims
        self._yield = ScreenYield()
        self._screen = _Screen(self.decoder) if _bfloat16_is_faster(self.decoder.weight) else None

    @classmethod
    def if_equal(
        cls, transformer: Transformer, pooling: SpladePooling, tokenizer: Tokenizer, max_active_dims: int | None
    ) -> TorchSplade | None:
        """Make this route; return ``None`` if it doesn't give the vectors of sentence-transformers on a few texts."""
        model: Any = transformer.model
        sides = {transformer.tokenizer.padding_side, transformer.tokenizer.truncation_side}  # type: ignore[union-attr]
        if pooling.pooling_strategy != "max" or sides != {"right"}:
            return None
        if not isinstance(model.get_output_embeddings(), nn.Linear):
            return None
        route = cls(transformer, pooling, tokenizer, None)
        # The tokenizer has been compared before, on texts of all kinds: these are for the head.
        texts = ["a probe of the head", "and another, a little longer"]
        features = {k: v.to(route._device) for k, v in transformer.preprocess(texts).items() if isinstance(v, Tensor)}
        with torch.inference_mode():
            expected = pooling(transformer(features))["sentence_embedding"].float().cpu().numpy()
            try:
                found = route.encode(route.prepare(texts), positions=False)
            except (AttributeError, IndexError, InvalidVector, RuntimeError, TypeError, ValueError):
                return None
        for row, vector in zip(expected, (each.vector for each in found), strict=True):
            row[vector.indices] -= vector.values
        route.max_active_dims = max_active_dims
        return route if np.abs(expected).max() <= _TOLERANCE[route.decoder.weight.dtype] else None

    def prepare(self, texts: Sequence[str]) -> list[Ids]:
        """Tokenize."""
        return self.tokenizer.ids(texts)

    def prepare_with_offsets(self, texts: Sequence[str]) -> tuple[list[Ids], list[Offsets]]:
        """Tokenize, and keep the characters of each token."""
        return self.tokenizer.ids_and_offsets(texts)

    @torch.inference_mode()
    def encode(self, batch: Sequence[Ids], *, positions: bool) -> list[Activations]:
        """Encode in one pass."""
        with memory_errors():
            entries, values, found = self._weights(batch, positions=positions)
        known = None if found is None else found.numpy()
        return activations(entries.numpy(), values.numpy(), known, self.max_active_dims)

    def _weights(self, batch: Sequence[Ids], *, positions: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """Entries, weights and positions of the maxima, all ``(texts, n)`` and on the CPU."""
        hidden = self._hidden(batch)
        possible = self._screen.possible(hidden) if self._screen and self._yield.pays else None
        if possible is None or not self._yield.note(int(possible.count_nonzero()), possible.numel()):
            logits = self._highest(hidden)
            entries, real = _entries_of(~(logits <= 0))
            logits = logits.gather(1, entries)
            found = self._logits(hidden, entries)[1] if positions else None
        else:
            entries, real = _entries_of(possible)
            logits, found = self._logits(hidden, entries)
        values = torch.where(real, logits, 0).relu_().float()
        for _ in range(self.logarithms):
            values.log1p_()
        # A card computes while Python goes on, so that an error may first show here.
        return entries.cpu(), values.cpu(), _in_text(found, batch).cpu() if positions and found is not None else None

    @torch.inference_mode()
    def positions(self, batch: Sequence[Ids], entries: Sequence[Integers]) -> list[Integers]:
        """The position where each entry has its maximum, -1 for entries that aren't active."""
        columns, known = padded_entries(entries, len(self.decoder.weight))
        with memory_errors():
            logits, found = self._maxima(batch, torch.from_numpy(columns))
        found[(logits <= 0) | ~known] = -1
        return [row[: len(wanted)] for row, wanted in zip(found, entries, strict=True)]

    def _maxima(self, batch: Sequence[Ids], columns: Tensor) -> tuple[Floats, Integers]:
        """The highest logits of some entries and their positions, both ``(texts, n)``."""
        highest, position = self._logits(self._hidden(batch), columns.to(self._device))
        return highest.float().cpu().numpy(), _in_text(position, batch).cpu().numpy()

    @contextmanager
    def without_decoder(self) -> Iterator[None]:
        """Inside the ``with`` block, the model's logits are the inputs of its decoder."""
        self.model.set_output_embeddings(_NoDecoder())
        try:
            yield
        finally:
            self.model.set_output_embeddings(self.decoder)

    @property
    def _device(self) -> torch.device:
        return self.decoder.weight.device

    def _hidden(self, batch: Sequence[Ids]) -> Tensor:
        """The inputs of the decoder, ``(texts, length, width)``.

        Padding is filled with the text's first position, which changes no maximum.
        """
        ids, mask = (torch.from_numpy(part).to(self._device, non_blocking=True) for part in padded(batch, self.padding))
        with self.without_decoder():
            hidden: Tensor = self.model(input_ids=ids, attention_mask=mask).logits
        return torch.where(mask.bool().unsqueeze(2), hidden, hidden[:, :1])

    def _highest(self, hidden: Tensor) -> Tensor:
        """The highest logit of each entry, ``(texts, vocabulary)``, without keeping the logits of all positions."""
        texts, length, width = hidden.shape
        highest = hidden.new_empty((texts, len(self.decoder.weight)))
        # Shape (vocabulary, tokens), so that the maximum runs along contiguous memory; a tile fits in the CPU's cache.
        tokens = hidden.view(-1, width).T.contiguous()
        tile = hidden.new_empty(_TILE * tokens.shape[1])
        for start in range(0, highest.shape[1], _TILE):
            decoder = self.decoder.weight[start : start + _TILE]
            logits = tile[: len(decoder) * tokens.shape[1]].view(len(decoder), tokens.shape[1])
            torch.mm(decoder, tokens, out=logits)
            highest[:, start : start + _TILE] = logits.view(len(decoder), texts, length).amax(2).T
        return highest if self.decoder.bias is None else highest.add_(self.decoder.bias)

    def _logits(self, hidden: Tensor, entries: Tensor) -> tuple[Tensor, Tensor]:
        """The highest logit of some entries and its position, both ``(texts, n)``."""
        if not entries.shape[1]:
            return hidden.new_empty(entries.shape), entries
        highest, position = (self.decoder.weight[entries] @ hidden.transpose(1, 2)).max(2)
        return highest if self.decoder.bias is None else highest + self.decoder.bias[entries], position


class _Screen:
    """Finds the entries that can be active, by a product in bfloat16 and a bound on its error.

    Let ``x`` be the vector of a position, ``w`` an entry's row of the decoder, and ``x'`` and ``w'`` their rounded
    values. By the Cauchy-Schwarz inequality, ``|x w - x' w'| <= |x - x'| |w| + |x'| |w - w'|``. Summing the products of
    ``n`` numbers in float32 adds at most ``n 2^-23 |x'| |w'|``.
    """

    def __init__(self, decoder: nn.Linear) -> None:
        weight = decoder.weight.detach()
        self._rounded = weight.bfloat16()
        self._bias = decoder.bias
        summing = weight.shape[1] * _SUMMING * self._rounded.float().norm(dim=1)
        self._norms = weight.norm(dim=1), (weight - self._rounded).norm(dim=1) + summing
        if weight.device.type == "cuda":
            # By default cuBLAS may cut a sum into parts and add those in bfloat16, which no bound here allows for. The
            # switch is the whole process's: to set it for a pass would be no safer, as threads share it too.
            torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False

    def possible(self, hidden: Tensor) -> Tensor:
        """Whether the highest logit of each entry can be positive, ``(texts, vocabulary)``."""
        rounded = hidden.bfloat16()
        lost = (hidden - rounded).norm(dim=2).amax(1)
        kept = rounded.float().norm(dim=2).amax(1)
        # Not as a product of matrices: where a process allows TF32, it would round the bound.
        slack = lost.unsqueeze(1) * self._norms[0] + kept.unsqueeze(1) * self._norms[1]
        if self._bias is not None:
            slack += self._bias
        possible = torch.empty(slack.shape, dtype=torch.bool, device=slack.device)
        for start in range(0, slack.shape[1], _TILE):
            tile = slice(start, start + _TILE)
            highest = functional.linear(rounded, self._rounded[tile]).amax(1).float()
            # The product itself is rounded to bfloat16 too. The negation keeps NaN, so that it is noticed later.
            possible[:, tile] = ~(highest + highest.abs() * _BFLOAT16_ROUNDING + slack[:, tile] <= 0)
        return possible


def _bfloat16_is_faster(weight: Tensor) -> bool:
    if weight.dtype != torch.float32:
        return False
    if weight.device.type == "cuda":
        with torch.cuda.device(weight.device):  # it looks at the current card, and a machine may have several kinds
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return weight.device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001


def _in_text(positions: Tensor, batch: Sequence[Ids]) -> Tensor:
    """Replace positions of padding by 0: padding is a copy of the first position, and may tie with it."""
    lengths = torch.tensor([len(ids) for ids in batch], device=positions.device)
    return torch.where(positions < lengths.unsqueeze(1), positions, 0)


def _entries_of(possible: Tensor) -> tuple[Tensor, Tensor]:
    """See :func:`postings.encoder.routes.activations.entries_of`."""
    rows, columns = possible.nonzero(as_tuple=True)
    counts = torch.bincount(rows, minlength=len(possible))
    real = torch.arange(int(counts.max()), device=rows.device) < counts.unsqueeze(1)
    entries = columns.new_zeros(real.shape)
    entries[real] = columns
    return entries, real


class _NoDecoder(nn.Identity):
    bias = None  # BERT's set_output_embeddings reads it
