"""SPLADE's head for training, in a fraction of the memory: the gradient passes through the winning positions only.

sentence-transformers keeps the logits of all positions, ``(texts, length, vocabulary)``, and two more tensors of that
size, for the backward pass. But only the position with the maximum of a text and a vocabulary entry gets a gradient,
and only if the weight is positive. So this head computes the product tile by tile, keeps only the winning positions,
and its backward pass is two products with a sparse matrix. Nothing is approximated: a maximum passes its gradient
nowhere else.

SPLADE: Formal et al. 2021, https://arxiv.org/abs/2109.10086; ``log1p_relu``: https://arxiv.org/abs/2504.14839
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from postings.encoder.toolkit import batches

_TILE = {"cpu": 2048, "cuda": 8192}
_TOKENS = {"cpu": 1024, "cuda": 16_384}

with warnings.catch_warnings():
    # torch warns once a process that this layout may lack functions; it has the one product that is used here.
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
    _NONE = torch.zeros(0, dtype=torch.int64)
    torch.sparse_csr_tensor(torch.zeros(2, dtype=torch.int64), _NONE, _NONE, (1, 1), check_invariants=False)


def pooled(hidden: Tensor, mask: Tensor, decoder: nn.Linear, logarithms: int = 1) -> Tensor:
    """SPLADE weights from the vectors before the decoder; differentiable in the vectors and in the decoder.

    Args:
        hidden: the decoder's inputs, shape ``(texts, length, width)``.
        mask: 1 for positions of the text, 0 for padding, shape ``(texts, length)``.
        decoder: the output embeddings of the masked-language model.
        logarithms: 1 for ``log1p(relu(x))``, 2 for ``log1p(log1p(relu(x)))``.

    Returns:
        The weights, shape ``(texts, vocabulary)``, in float32 unless ``hidden`` is float64.

    Example:
        >>> hidden, mask = torch.randn(2, 5, 8), torch.ones(2, 5)
        >>> pooled(hidden, mask, nn.Linear(8, 100)).shape
        torch.Size([2, 100])
    """
    weights: Tensor = _Pooled.apply(hidden, decoder.weight, decoder.bias, mask.bool(), logarithms)  # type: ignore[no-untyped-call]
    return weights


class _Pooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor, logarithms: int) -> Tensor:
        device = hidden.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else hidden.dtype
        with torch.autocast(device, enabled=False):
            highest, positions = _highest(hidden.to(dtype), weight.to(dtype), bias, mask)
            weights = highest
            for _ in range(logarithms):
                weights.log1p_()
        ctx.save_for_backward(hidden, weight, bias, weights, positions)
        ctx.logarithms = logarithms
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        hidden, weight, bias, weights, positions = ctx.saved_tensors
        texts, entries = ((weights > 0) & (gradient != 0)).nonzero(as_tuple=True)
        active = weights[texts, entries]
        passed = gradient[texts, entries].to(active.dtype)
        for _ in range(ctx.logarithms):
            passed = passed * torch.exp(-active)  # the derivative of log1p(x) is 1 / (1 + x), and 1 + x = exp(log1p(x))
            active = torch.expm1(active)
        tokens = texts * hidden.shape[1] + positions[texts, entries]
        to_hidden = to_weight = to_bias = None
        count, vocabulary = hidden.shape[0] * hidden.shape[1], len(weight)
        with torch.autocast(hidden.device.type, enabled=False):
            if ctx.needs_input_grad[0]:
                rows = _sparse(tokens, entries, passed, (count, vocabulary))
                to_hidden = (rows @ weight.to(passed.dtype)).view(hidden.shape).to(hidden.dtype)
            if ctx.needs_input_grad[1]:
                rows = _sparse(entries, tokens, passed, (vocabulary, count))
                to_weight = (rows @ hidden.reshape(count, -1).to(passed.dtype)).to(weight.dtype)
            if bias is not None and ctx.needs_input_grad[2]:
                to_bias = passed.new_zeros(vocabulary).index_add_(0, entries, passed).to(bias.dtype)
        return to_hidden, to_weight, to_bias, None, None


def _highest(hidden: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The highest logit of each entry, 0 if none is positive, and its position, both ``(texts, vocabulary)``."""
    texts, length, width = hidden.shape
    device = hidden.device
    lengths = mask.sum(1)
    # A text's own positions first; the rest repeats the first of them, which changes no maximum.
    order = mask.to(torch.int8).argsort(dim=1, descending=True, stable=True)
    slots = torch.where(torch.arange(length, device=device) < lengths.unsqueeze(1), order, order[:, :1])
    dtype = torch.float64 if hidden.dtype == torch.float64 else torch.float32
    highest = torch.empty((texts, len(weight)), dtype=dtype, device=device)
    positions = torch.zeros((texts, len(weight)), dtype=torch.int16, device=device)
    size = _TILE.get(device.type, _TILE["cuda"])
    for group, longest in _groups(lengths, _TOKENS.get(device.type, _TOKENS["cuda"])):
        chosen = slots[group, :longest]
        tokens = hidden[group.unsqueeze(1), chosen].reshape(-1, width).T.contiguous()
        buffer = hidden.new_empty(size * tokens.shape[1])
        for start in range(0, len(weight), size):
            tile = weight[start : start + size]
            # Vocabulary by tokens, so that the maximum runs along contiguous memory.
            logits = buffer[: len(tile) * tokens.shape[1]].view(len(tile), tokens.shape[1])
            torch.mm(tile, tokens, out=logits)
            columns = slice(start, start + size)
            values, places = _winners(logits.view(-1, len(group), longest), None if bias is None else bias[columns])
            highest[group, columns] = values.T.to(dtype)
            positions[group, columns] = chosen.gather(1, places.T).to(torch.int16)
    return highest.masked_fill_((lengths == 0).unsqueeze(1), 0), positions


def _winners(logits: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """The positive part of the maximum over the last dimension of ``(vocabulary, texts, length)``, and its index.

    Where nothing is positive, the index is any.
    """
    return (_winners_of_few if logits.device.type == "cpu" else _winners_of_all)(logits, bias)


def _winners_of_all(logits: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    values, places = logits.max(2)
    return (values if bias is None else values + bias.unsqueeze(1)).relu_(), places


def _winners_of_few(logits: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    # On a CPU, a maximum with its index takes thirty times as long as one without, and few are positive.
    values = logits.amax(2)
    values = (values if bias is None else values + bias.unsqueeze(1)).relu_()
    places = torch.zeros(values.shape, dtype=torch.int64)
    active = values.nonzero(as_tuple=True)
    places[active] = logits[active].argmax(1)
    return values, places


def _groups(lengths: Tensor, budget: int) -> Iterator[tuple[Tensor, int]]:
    """Batches of texts of similar length, within a budget of tokens, each with the length of its longest text."""
    counts = [max(int(length), 1) for length in lengths.tolist()]
    for group in batches(counts, budget):
        yield torch.tensor(group, device=lengths.device), counts[group[0]]


def _sparse(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    order = rows.argsort(stable=True)
    starts = torch.zeros(shape[0] + 1, dtype=torch.int64, device=rows.device)
    torch.cumsum(torch.bincount(rows, minlength=shape[0]), 0, out=starts[1:])
    return torch.sparse_csr_tensor(starts, columns[order], values[order], shape, check_invariants=False)
