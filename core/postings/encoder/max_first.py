"""SPLADE on PyTorch, maximum first.

sentence-transformers computes ``log1p(relu(logits))`` over the whole ``(batch, length, vocabulary)`` tensor and then
takes the maximum over the length. Both functions are monotonic, so the maximum of the logits can be taken first:
the same weights come from V logarithms a text instead of L x V, tile by tile, with next to no padding.

Where the device multiplies bfloat16 faster than float32, the product is first done in bfloat16, with a bound on the
error: only the entries that can be active at all, one or two percent, are then computed in float32.

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

from postings.encoder.activations import Activations, Integers, activations
from postings.encoder.screening import ScreenYield
from postings.encoder.tokenizer import Ids, Tokenizer, padded
from postings.errors import InvalidVector

if TYPE_CHECKING:
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

_TILE = 2048
_PASS = 1024
_PASS_GPU = 32_768
_BFLOAT16_ROUNDING = 2.0**-8
_NO_MEMORY = ("can't allocate memory", "could not create a primitive")  # torch's own words, and oneDNN's
_TOLERANCE = {torch.float32: 1e-4, torch.float16: 0.05, torch.bfloat16: 0.5}


class MaxFirst:
    """One side of a SPLADE model whose head ends in one matrix product.

    Args:
        transformer: sentence-transformers' module, with a masked-language-model head.
        pooling: its :class:`SpladePooling`, with strategy ``max``.
        tokenizer: the transformer's.
        max_active_dims: keep only the highest weights of each text.
    """

    def __init__(
        self, transformer: Transformer, pooling: SpladePooling, tokenizer: Tokenizer, max_active_dims: int | None
    ) -> None:
        self.model: Any = transformer.model
        self.decoder: nn.Linear = self.model.get_output_embeddings()
        self.logarithms = 2 if pooling.activation_function == "log1p_relu" else 1
        self.padding: int = transformer.tokenizer.pad_token_id  # type: ignore[union-attr]
        self.tokenizer = tokenizer
        self.pass_size = _PASS if self._device.type == "cpu" else _PASS_GPU
        self.concurrent = False
        self.max_active_dims = max_active_dims
        self._yield = ScreenYield()
        self._screen = _Screen(self.decoder) if _bfloat16_pays(self.decoder.weight) else None

    @classmethod
    def of(
        cls, transformer: Transformer, pooling: SpladePooling, tokenizer: Tokenizer, max_active_dims: int | None
    ) -> MaxFirst | None:
        """Take this path if the model allows it: shown by encoding a probe on both paths, not by its name."""
        model: Any = transformer.model
        sides = {transformer.tokenizer.padding_side, transformer.tokenizer.truncation_side}  # type: ignore[union-attr]
        if pooling.pooling_strategy != "max" or sides != {"right"}:
            return None
        if not isinstance(model.get_output_embeddings(), nn.Linear):
            return None
        path = cls(transformer, pooling, tokenizer, None)
        # That the tokens of all kinds of texts are the same was seen before: here it is the head that is tried.
        texts = ["a probe of the head", "and another, a little longer"]
        features = {k: v.to(path._device) for k, v in transformer.preprocess(texts).items() if isinstance(v, Tensor)}
        with torch.inference_mode():
            expected = pooling(transformer(features))["sentence_embedding"].float().cpu().numpy()
            try:
                found = path.encode(path.prepare(texts), positions=False)
            except (AttributeError, IndexError, InvalidVector, RuntimeError, TypeError, ValueError):
                return None
        for row, vector in zip(expected, (each.vector for each in found), strict=True):
            row[vector.indices] -= vector.values
        path.max_active_dims = max_active_dims
        return path if np.abs(expected).max() <= _TOLERANCE[path.decoder.weight.dtype] else None

    def prepare(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids."""
        return self.tokenizer.ids(texts)

    @torch.inference_mode()
    def encode(self, batch: Sequence[Ids], *, positions: bool) -> list[Activations]:
        """One pass."""
        with _memory_errors():
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
            found = None if found is None else _in_text(found, batch)
            values = torch.where(real, logits, 0).relu_().float()
            for _ in range(self.logarithms):
                values.log1p_()
        where = found.cpu().numpy() if positions and found is not None else None
        return activations(entries.cpu().numpy(), values.cpu().numpy(), where, self.max_active_dims)

    @torch.inference_mode()
    def positions(self, batch: Sequence[Ids], entries: Sequence[Integers]) -> list[Integers]:
        """Which position gives each entry its maximum, -1 where it isn't active."""
        columns = np.zeros((len(batch), max(map(len, entries))), dtype=np.int64)
        for row, wanted in enumerate(entries):
            columns[row, : len(wanted)] = wanted
        known = columns < len(self.decoder.weight)
        with _memory_errors():
            wanted_columns = torch.from_numpy(np.where(known, columns, 0)).to(self._device)
            highest, position = self._logits(self._hidden(batch), wanted_columns)
            logits, found = highest.float().cpu().numpy(), _in_text(position, batch).cpu().numpy()
        found[(logits <= 0) | ~known] = -1
        return [row[: len(wanted)] for row, wanted in zip(found, entries, strict=True)]

    @contextmanager
    def without_decoder(self) -> Iterator[None]:
        """The model's logits are the vectors that its last product takes."""
        self.model.set_output_embeddings(_Nothing())
        try:
            yield
        finally:
            self.model.set_output_embeddings(self.decoder)

    @property
    def _device(self) -> torch.device:
        return self.decoder.weight.device

    def _hidden(self, batch: Sequence[Ids]) -> Tensor:
        """The vectors that the head's last product takes, ``(texts, length, width)``.

        Padding holds a copy of the text's first position, which changes no maximum.
        """
        ids, mask = (torch.from_numpy(part).to(self._device, non_blocking=True) for part in padded(batch, self.padding))
        with self.without_decoder():
            hidden: Tensor = self.model(input_ids=ids, attention_mask=mask).logits
        return torch.where(mask.bool().unsqueeze(2), hidden, hidden[:, :1])

    def _highest(self, hidden: Tensor) -> Tensor:
        """Each entry's highest logit, ``(texts, vocabulary)``, without ever holding the logits of all positions."""
        texts, length, width = hidden.shape
        highest = hidden.new_empty((texts, len(self.decoder.weight)))
        # Vocabulary by tokens, so that the maximum runs along contiguous memory; a tile fits a processor's cache.
        tokens = hidden.view(-1, width).T.contiguous()
        tile = hidden.new_empty(_TILE * tokens.shape[1])
        for start in range(0, highest.shape[1], _TILE):
            decoder = self.decoder.weight[start : start + _TILE]
            logits = tile[: len(decoder) * tokens.shape[1]].view(len(decoder), tokens.shape[1])
            torch.mm(decoder, tokens, out=logits)
            highest[:, start : start + _TILE] = logits.view(len(decoder), texts, length).amax(2).T
        return highest if self.decoder.bias is None else highest.add_(self.decoder.bias)

    def _logits(self, hidden: Tensor, entries: Tensor) -> tuple[Tensor, Tensor]:
        """The highest logit of some entries, ``(texts, n)``, and its position."""
        if not entries.shape[1]:
            return hidden.new_empty(entries.shape), entries
        highest, position = (self.decoder.weight[entries] @ hidden.transpose(1, 2)).max(2)
        return highest if self.decoder.bias is None else highest + self.decoder.bias[entries], position


class _Screen:
    """Which entries can be active, by a product in bfloat16 and a bound on its error.

    With ``x`` a position's vector, ``w`` an entry's row of the decoder, ``x'`` and ``w'`` as rounded, Cauchy and
    Schwarz bound the error: ``|x w - x' w'| <= |x - x'| |w| + |x'| |w - w'|``.
    """

    def __init__(self, decoder: nn.Linear) -> None:
        weight = decoder.weight.detach()
        self._rounded = weight.bfloat16()
        self._bias = decoder.bias
        self._norms = torch.stack([weight.norm(dim=1), (weight - self._rounded).norm(dim=1)])

    def possible(self, hidden: Tensor) -> Tensor:
        """Which entries' highest logit can be positive, ``(texts, vocabulary)``."""
        rounded = hidden.bfloat16()
        lost = (hidden - rounded).norm(dim=2).amax(1)
        kept = rounded.float().norm(dim=2).amax(1)
        slack = torch.stack([lost, kept], 1) @ self._norms
        if self._bias is not None:
            slack += self._bias
        possible = torch.empty(slack.shape, dtype=torch.bool, device=slack.device)
        for start in range(0, slack.shape[1], _TILE):
            tile = slice(start, start + _TILE)
            highest = functional.linear(rounded, self._rounded[tile]).amax(1).float()
            # The product itself is rounded to bfloat16 once more.
            # NaN isn't over 0, but has to be seen.
            possible[:, tile] = ~(highest + highest.abs() * _BFLOAT16_ROUNDING + slack[:, tile] <= 0)
        return possible


def _bfloat16_pays(weight: Tensor) -> bool:
    if weight.dtype != torch.float32:
        return False
    if weight.device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return weight.device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001


def _in_text(positions: Tensor, batch: Sequence[Ids]) -> Tensor:
    """Padding is a copy of the first position, and may tie with it."""
    lengths = torch.tensor([len(ids) for ids in batch], device=positions.device)
    return torch.where(positions < lengths.unsqueeze(1), positions, 0)


def _entries_of(possible: Tensor) -> tuple[Tensor, Tensor]:
    """The set columns of each row side by side, and which of them are real; both ``(rows, most in a row)``."""
    rows, columns = possible.nonzero(as_tuple=True)
    counts = torch.bincount(rows, minlength=len(possible))
    real = torch.arange(int(counts.max()), device=rows.device) < counts.unsqueeze(1)
    entries = columns.new_zeros(real.shape)
    entries[real] = columns
    return entries, real


@contextmanager
def _memory_errors() -> Iterator[None]:
    """PyTorch has one error for a GPU's memory, and a bare RuntimeError for the processor's."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise MemoryError(str(error)) from error
    except RuntimeError as error:
        if any(words in str(error) for words in _NO_MEMORY):
            raise MemoryError(str(error)) from error
        raise


class _Nothing(nn.Identity):
    bias = None  # BERT's set_output_embeddings ties the bias of whatever it is given
