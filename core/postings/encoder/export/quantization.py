"""Dynamic quantization of the transformer's products to eight bits.

ONNX Runtime has a function for this, but it logs to the root logger, which then gets a handler and a level.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.onnx_model import ONNXModel

_LEVELS = 64
"""The largest absolute weight. Seven bits, because CPUs without VNNI add pairs of products in sixteen bits."""


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """Compute each product with a weight matrix in eight bits; return a changed copy of the graph.

    A product may be a MatMul or a Gemm. A matrix has a scale for each column. The other factor is quantized when the
    graph runs, with one scale.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    ONNXModel(copy).replace_gemm_with_matmul()
    matrices = {each.name: each for each in copy.graph.initializer if each.data_type == TensorProto.FLOAT}
    nodes: list[onnx.NodeProto] = []
    made: set[str] = set()
    for node in copy.graph.node:
        matrix = matrices.get(node.input[1]) if node.op_type == "MatMul" else None
        if matrix is None or len(matrix.dims) != 2:
            nodes.append(node)
            continue
        left, right = node.input
        if left not in made:
            made.add(left)
            nodes.append(helper.make_node("DynamicQuantizeLinear", [left], _parts(left)))
        if right not in made:
            made.add(right)
            copy.graph.initializer.extend(_quantized_matrix(matrix))
        nodes += _product(left, right, node.output[0])
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [each for each in copy.graph.initializer if each.name in used]
    del copy.graph.initializer[:]
    copy.graph.initializer.extend(kept)
    return copy


def _parts(name: str) -> list[str]:
    return [f"{name}_quantized", f"{name}_scale", f"{name}_zero_point"]


def _quantized_matrix(matrix: onnx.TensorProto) -> list[onnx.TensorProto]:
    weights = numpy_helper.to_array(matrix)
    scale = np.abs(weights).max(axis=0) / np.float32(_LEVELS)
    scale[scale < np.finfo(np.float32).tiny] = 1
    integers = np.rint(weights / scale).astype(np.int8)
    values = (integers, scale, np.zeros(len(scale), np.int8))
    return [numpy_helper.from_array(value, name) for value, name in zip(values, _parts(matrix.name), strict=True)]


def _product(left: str, right: str, output: str) -> list[onnx.NodeProto]:
    """The nodes that ONNX Runtime fuses to one product of integers."""
    (a, a_scale, a_zero), (b, b_scale, b_zero) = _parts(left), _parts(right)
    return [
        helper.make_node("MatMulInteger", [a, b, a_zero, b_zero], [f"{output}_integers"]),
        helper.make_node("Cast", [f"{output}_integers"], [f"{output}_unscaled"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [a_scale, b_scale], [f"{output}_both_scales"]),
        helper.make_node("Mul", [f"{output}_unscaled", f"{output}_both_scales"], [output]),
    ]
