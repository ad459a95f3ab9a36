"""An export changes nothing outside of the folder that it writes to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

from postings.encoder.export.quantization import quantized
from postings.encoder.toolkit import export_model
from tests.support.models import save

changes: list[object] = []


class WatchedRoot(logging.RootLogger):
    """The root logger, which notes what is done to it."""

    def __setattr__(self, name: str, value: object) -> None:
        changes.append((name, value))
        super().__setattr__(name, value)

    def addHandler(self, handler: logging.Handler) -> None:  # noqa: N802 - logging's name
        changes.append(handler)
        super().addHandler(handler)

    def addFilter(self, filter: object) -> None:  # noqa: N802
        changes.append(filter)
        super().addFilter(filter)  # type: ignore[arg-type]


@contextmanager
def watched_root() -> Iterator[list[object]]:
    root = logging.getLogger()
    before = root.__class__
    changes.clear()
    root.__class__ = WatchedRoot
    try:
        yield changes
    finally:
        object.__setattr__(root, "__class__", before)  # past the watch


def test_an_export_never_touches_the_root_logger(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = save("distilbert", tmp_path)
    capfd.readouterr()
    with watched_root() as changed:
        export_model(str(model), "int8")  # does all that float32 does, and quantizes the graph
    assert changed == []
    assert not any(capfd.readouterr())
    assert (model / "onnx" / "transformer-int8.onnx").exists()


def test_the_watch_sees_a_handler_and_a_level() -> None:
    root, handler = logging.getLogger(), logging.NullHandler()
    with watched_root() as changed:
        root.addHandler(handler)
        root.setLevel(root.level)
    root.removeHandler(handler)
    assert changed == [handler, ("level", root.level)]


def layers(random: np.random.Generator) -> onnx.ModelProto:
    """A MatMul, and a Gemm with a bias whose matrix is transposed, as torch exports a linear layer."""
    weights = {"first": (16, 32), "second": (8, 32), "bias": (8,)}
    initializers = [
        numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name) for name, shape in weights.items()
    ]
    nodes = [
        helper.make_node("MatMul", ["texts", "first"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "second", "bias"], ["vectors"], transB=1),
    ]
    ends = [helper.make_tensor_value_info(*end) for end in (("texts", 1, ["n", 16]), ("vectors", 1, ["n", 8]))]
    graph = helper.make_graph(nodes, "layers", ends[:1], ends[1:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_products_are_quantized_as_onnxruntime_does_it(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    model = layers(random)
    quantize_dynamic(
        model, tmp_path / "expected.onnx", op_types_to_quantize=["MatMul", "Gemm"], per_channel=True, reduce_range=True
    )
    ours = quantized(model)
    assert [node.op_type for node in ours.graph.node].count("MatMulInteger") == 2
    assert not {"MatMul", "Gemm"} & {node.op_type for node in ours.graph.node}
    assert [each.name for each in ours.graph.initializer if each.data_type == TensorProto.FLOAT and each.dims[1:]] == []
    texts = random.normal(size=(50, 16)).astype(np.float32)

    def run(graph: bytes) -> npt.NDArray[np.float32]:
        (vectors,) = onnxruntime.InferenceSession(graph).run(None, {"texts": texts})
        return np.asarray(vectors)

    found, expected = run(ours.SerializeToString()), run((tmp_path / "expected.onnx").read_bytes())
    exact = run(model.SerializeToString())
    assert np.abs(found - expected).max() <= 1e-4
    assert 1e-3 < np.abs(found - exact).max() < 0.05 * np.abs(exact).max()
