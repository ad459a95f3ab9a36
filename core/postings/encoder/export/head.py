"""The graphs of the head: SPLADE's last product, and its maximum over the positions of a text."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from postings.encoder.routes.onnx.manifest import TILE
from postings.encoder.routes.onnx.screening_decoder import ZERO_POINT

_OPSET = 23
_IR_VERSION = 11  # the newest that ONNX Runtime 1.20 reads
_HIDDEN = ("hidden", TensorProto.FLOAT, ["texts", "length", "width"])


def dense_graph(size: int, width: int) -> onnx.ModelProto:
    """``hidden (texts, length, width) -> highest (texts, size)``: each entry's highest product, without the bias."""
    nodes = [
        helper.make_node("Shape", ["hidden"], ["shape"], end=2),
        helper.make_node("Reshape", ["hidden", "flat"], ["tokens"]),
    ]
    constants = [_integers("flat", [-1, width])]
    tiles = []
    for start in range(0, size, TILE):
        rows = min(TILE, size - start)
        constants += [_external(f"decoder_{start}", TensorProto.FLOAT, [rows, width])]
        nodes.append(helper.make_node("Gemm", [f"decoder_{start}", "tokens"], [f"flat_{start}"], transB=1))
        nodes += _maximum(start)
        constants.append(_integers(f"rows_{start}", [rows]))
        tiles.append(f"highest_{start}")
    constants.append(_integers("last_axis", [2]))
    nodes += [
        helper.make_node("Concat", tiles, ["by_entry"], axis=0),
        helper.make_node("Transpose", ["by_entry"], ["highest"]),
    ]
    return _model(nodes, [_HIDDEN], [("highest", TensorProto.FLOAT, ["texts", size])], constants)


def screen_graph(size: int, width: int) -> onnx.ModelProto:
    """``hidden (texts, length, width) -> possible (texts, size)``: whether an entry's highest logit can be positive.

    Product and maximum are computed in eight bits, with one scale for each text. Let ``x`` be the vector of a position,
    ``w`` an entry's row of the decoder, and ``x'`` and ``w'`` their rounded values. By the Cauchy-Schwarz inequality,
    ``|x w - x' w'| <= |x - x'| |w| + |x'| |w - w'|``. An entry is ruled out only if its rounded maximum is below zero
    by more than the largest such bound over the text.

    The decoder has seven bits, because CPUs without VNNI add pairs of products in sixteen bits.
    """
    nodes = [
        helper.make_node("Abs", ["hidden"], ["magnitude"]),
        helper.make_node("ReduceMax", ["magnitude", "text_axes"], ["largest"], keepdims=1),
        helper.make_node("Max", ["largest", "smallest"], ["nonzero"]),
        helper.make_node("Div", ["nonzero", "levels"], ["scale"]),
        helper.make_node("Div", ["hidden", "scale"], ["scaled"]),
        helper.make_node("Round", ["scaled"], ["rounded"]),
        helper.make_node("Sub", ["scaled", "rounded"], ["lost"]),
        helper.make_node("ReduceL2", ["lost", "width_axis"], ["lost_norms"], keepdims=0),
        helper.make_node("ReduceMax", ["lost_norms", "length_axis"], ["lost_norm"], keepdims=1),
        helper.make_node("ReduceL2", ["rounded", "width_axis"], ["kept_norms"], keepdims=0),
        helper.make_node("ReduceMax", ["kept_norms", "length_axis"], ["kept_norm"], keepdims=1),
        helper.make_node("Squeeze", ["scale", "width_axis"], ["text_scale"]),
        helper.make_node("Reciprocal", ["text_scale"], ["bias_factor"]),
        helper.make_node("Concat", ["bias_factor", "lost_norm", "kept_norm"], ["factors"], axis=1),
        helper.make_node("MatMul", ["factors", "slack"], ["allowed"]),
        helper.make_node("Shape", ["hidden"], ["shape"], end=2),
        helper.make_node("Reshape", ["rounded", "flat"], ["tokens"]),
        helper.make_node("Transpose", ["tokens"], ["columns"]),
        helper.make_node("Cast", ["columns"], ["bytes"], to=TensorProto.INT8),
    ]
    constants = [
        _integers("text_axes", [1, 2]),
        _integers("width_axis", [2]),
        _integers("last_axis", [2]),
        _integers("length_axis", [1]),
        _integers("flat", [-1, width]),
        helper.make_tensor("smallest", TensorProto.FLOAT, [], [1e-30]),
        helper.make_tensor("levels", TensorProto.FLOAT, [], [127.0]),
        helper.make_tensor("middle", TensorProto.UINT8, [], [ZERO_POINT]),
        helper.make_tensor("none", TensorProto.FLOAT, [], [0.0]),
        _external("slack", TensorProto.FLOAT, [3, size]),
    ]
    tiles = []
    for start in range(0, size, TILE):
        rows = min(TILE, size - start)
        constants += [_external(f"decoder_{start}", TensorProto.UINT8, [rows, width])]
        nodes.append(helper.make_node("MatMulInteger", [f"decoder_{start}", "bytes", "middle"], [f"flat_{start}"]))
        nodes += _maximum(start)
        constants.append(_integers(f"rows_{start}", [rows]))
        tiles.append(f"highest_{start}")
    nodes += [
        helper.make_node("Concat", tiles, ["integers"], axis=0),
        helper.make_node("Transpose", ["integers"], ["by_text"]),
        helper.make_node("Cast", ["by_text"], ["highest"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["highest", "allowed"], ["bound"]),
        helper.make_node("Greater", ["bound", "none"], ["possible"]),
    ]
    return _model(nodes, [_HIDDEN], [("possible", TensorProto.BOOL, ["texts", size])], constants)


def selected_graph(size: int, width: int) -> onnx.ModelProto:
    """``hidden, entries (texts, n) -> highest, position (texts, n)``: the highest products of some entries."""
    nodes = [
        helper.make_node("Gather", ["decoder", "entries"], ["rows"], axis=0),
        helper.make_node("Transpose", ["hidden"], ["columns"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["rows", "columns"], ["logits"]),
        helper.make_node("ReduceMax", ["logits", "last_axis"], ["highest"], keepdims=0),
        helper.make_node("ArgMax", ["logits"], ["position"], axis=2, keepdims=0),
    ]
    constants = [_external("decoder", TensorProto.FLOAT, [size, width]), _integers("last_axis", [2])]
    inputs = [_HIDDEN, ("entries", TensorProto.INT64, ["texts", "n"])]
    outputs = [("highest", TensorProto.FLOAT, ["texts", "n"]), ("position", TensorProto.INT64, ["texts", "n"])]
    return _model(nodes, inputs, outputs, constants)


def _maximum(start: int) -> list[onnx.NodeProto]:
    """The maximum of a tile's logits. Their shape is (vocabulary, tokens), so it runs along contiguous memory."""
    return [
        helper.make_node("Concat", [f"rows_{start}", "shape"], [f"shape_{start}"], axis=0),
        helper.make_node("Reshape", [f"flat_{start}", f"shape_{start}"], [f"logits_{start}"]),
        helper.make_node("ReduceMax", [f"logits_{start}", "last_axis"], [f"highest_{start}"], keepdims=0),
    ]


def external(tensor: onnx.TensorProto) -> None:
    """Remove a tensor's content; it is supplied when the graph is loaded."""
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    tensor.external_data.add(key="location", value="supplied-when-loaded")


def _external(name: str, type: int, dims: Sequence[int]) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name=name, data_type=type, dims=dims)
    external(tensor)
    return tensor


def _integers(name: str, values: Sequence[int]) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def _model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, Sequence[str | int]]],
    outputs: Sequence[tuple[str, int, Sequence[str | int]]],
    constants: Sequence[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
