"""The bare matrix products of encoding on a card: the limit that an encoder can reach there."""

from __future__ import annotations

import torch
from torch.nn import functional

from benchmarks.gpu_run import Run
from benchmarks.shapes import Shape

_ROWS = 32_768  # as many tokens as a pass has
_DRY_ROWS = 256


def seconds_of(run: Run, shape: Shape, length: int, dtype: torch.dtype) -> float:
    """Seconds that the products of one token take, its share of attention included.

    Counted are the products of all layers and of the head, without padding, and nothing else: no embedding, no
    activation, no normalization, no maximum. Attention's are two plain products, or the fused operation if that is
    faster although it computes a softmax between them.
    """
    rows = _DRY_ROWS if run.dry else _ROWS
    seconds = {sizes: _product(run, rows, *sizes, dtype) for sizes in set(shape.products)}
    dense = sum(seconds[sizes] for sizes in shape.products)
    texts = max(rows // length, 1)
    heads = torch.randn(texts, shape.heads, length, shape.width // shape.heads, device=run.device, dtype=dtype)

    def plain() -> torch.Tensor:
        return (heads @ heads.transpose(2, 3)) @ heads

    def fused() -> torch.Tensor:
        return functional.scaled_dot_product_attention(heads, heads, heads)

    attention = min(run.seconds(plain, 0.02), run.seconds(fused, 0.02)) * shape.layers
    return dense / rows + attention / (texts * length)


def _product(run: Run, rows: int, inner: int, outer: int, dtype: torch.dtype) -> float:
    left = torch.randn(rows, inner, device=run.device, dtype=dtype)
    weight = torch.randn(inner, outer, device=run.device, dtype=dtype)
    out = torch.empty(rows, outer, device=run.device, dtype=dtype)
    return run.seconds(lambda: torch.mm(left, weight, out=out), 0.02)
