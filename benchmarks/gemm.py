"""The bare matrix products of encoding: the limit that an encoder in float32 can reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from benchmarks.shapes import Shape
from postings.encoder.routes.onnx.session import Session

_ROWS = 1024
_REPEATS = 5
_CORNER = {"zero": [0, 0], "one": [1, 1], "axes": [0, 1]}


def limit(shape: Shape, lengths: Sequence[int]) -> float:
    """Seconds that the products alone take for texts of these lengths, on the faster of PyTorch and ONNX Runtime.

    Counted are the products of all layers and of the head, in float32 and passes of 1,024 tokens, without padding,
    attention's in PyTorch; and nothing else: no embedding, no softmax, no activation, no normalization, no maximum.
    """
    seconds = {sizes: _fastest(*sizes) for sizes in set(shape.products)}
    dense = sum(seconds[sizes] for sizes in shape.products) * sum(lengths) / _ROWS
    return dense + sum(_attention(shape, length) for length in lengths)


def _fastest(inner: int, outer: int) -> float:
    rows = torch.randn(_ROWS, inner)
    weight = torch.randn(inner, outer)
    out = torch.empty(_ROWS, outer)
    graph = _product(weight.numpy())
    return min(
        _seconds(lambda: torch.mm(rows, weight, out=out)),
        _seconds(lambda: graph.run(rows=rows.numpy())),
    )


def _attention(shape: Shape, length: int, known: dict[tuple[Shape, int], float] = {}) -> float:  # noqa: B006
    if (shape, length) not in known:
        heads = torch.randn(shape.heads, length, shape.width // shape.heads)
        scores = torch.empty(shape.heads, length, length)
        back = torch.empty_like(heads)

        def products() -> None:
            torch.bmm(heads, heads.transpose(1, 2), out=scores)
            torch.bmm(scores, heads, out=back)

        known[shape, length] = _seconds(products)
    return known[shape, length] * shape.layers


def _product(weight: np.ndarray) -> Session:
    graph = helper.make_graph(
        # The whole result would be copied out: one number of it makes the product be computed.
        [
            helper.make_node("MatMul", ["rows", "weight"], ["out"]),
            helper.make_node("Slice", ["out", "zero", "one", "axes"], ["corner"]),
        ],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [_ROWS, weight.shape[0]])],
        [helper.make_tensor_value_info("corner", TensorProto.FLOAT, [1, 1])],
        [
            numpy_helper.from_array(weight, "weight"),
            *(
                numpy_helper.from_array(np.array(v), n)
                for n, v in (("zero", [0, 0]), ("one", [1, 1]), ("axes", [0, 1]))
            ),
        ],
    )
    model = helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    return Session(model.SerializeToString(), {})


def _seconds(run: Callable[[], object]) -> float:
    run()
    taken = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return median(taken)
