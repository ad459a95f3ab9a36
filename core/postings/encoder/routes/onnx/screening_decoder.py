"""The decoder in eight bits, with which the screen finds the vocabulary entries that can be active."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from postings.encoder.routes.activations import Floats

_LEVELS = 63
ZERO_POINT = 64
"""The byte for zero in the quantized decoder."""


def quantized_decoder(decoder: Floats, bias: Floats | None) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Quantize the decoder for the screen; return its bytes, and what bounds the error of a product with them.

    Args:
        decoder: shape ``(vocabulary, width)``.
        bias: shape ``(vocabulary,)``.

    Returns:
        Bytes in 1..127 around 64, shape ``(vocabulary, width)``, and shape ``(3, vocabulary)``, in units of each
        entry's scale: the bias, the norm of the entry's row, and the norm of the row's rounding error.
    """
    scale = np.maximum(np.maximum(decoder.max(1), -decoder.min(1)), np.float32(1e-30)) / _LEVELS
    scaled = decoder / scale[:, None]
    integers = np.rint(scaled)
    lost = np.linalg.norm(scaled - integers, axis=1)
    norms = np.linalg.norm(scaled, axis=1)
    offsets = np.zeros_like(scale) if bias is None else bias / scale
    return (integers + ZERO_POINT).astype(np.uint8), np.stack([offsets, norms, lost])
