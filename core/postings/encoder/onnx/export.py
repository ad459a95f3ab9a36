"""Export a SPLADE model to graphs."""

from __future__ import annotations

import io
import json
import logging
import math
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic
from torch import Tensor, nn

from postings.encoder.batches import batches
from postings.encoder.max_first import MaxFirst
from postings.encoder.onnx.facts import FORMAT, TRANSFORMERS, facts_file
from postings.encoder.onnx.heads import dense_graph, external, screen_graph, selected_graph
from postings.encoder.onnx.route import GraphRoute
from postings.encoder.onnx.weights import Weights, read_weights
from postings.encoder.probes import probes
from postings.encoder.tokenizer import Tokenizer
from postings.errors import ModelNotSupported

_OPSET = 23  # the first with an Attention operator
_LONGEST_PROBE = 600  # tokens
_HOW_MUCH = {"truncation": None, "padding": None}  # of a tokenizer.json: each use of it sets its own
_TOLERANCES = {"float32": 1e-4, "int8": 1.0}
_INLINE = 1024  # values; smaller constants stay in the graph


class _Transformer(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        # Padding holds a copy of the text's first position, which changes no maximum.
        return torch.where(attention_mask.bool().unsqueeze(2), hidden, hidden[:, :1])


def export(path: MaxFirst, folder: Path, fingerprint: str, graphs: Path, precision: str) -> None:
    """Write the graphs of a model to a folder.

    Args:
        path: the model, whose route over PyTorch was shown to equal sentence-transformers'.
        folder: the folder of its transformer, with the safetensors weights.
        fingerprint: the model's; the graphs are taken for no other.
        graphs: the folder to write to.
        precision: of the transformer's products, ``float32`` or ``int8``.

    Raises:
        ModelNotSupported: the model's architecture can't be exported, or its graphs give other vectors.
        OSError: the folder can't be written to.
    """
    graphs.mkdir(parents=True, exist_ok=True)
    # Several processes may export a model at once, and one of them may fail.
    with tempfile.TemporaryDirectory(dir=graphs, ignore_cleanup_errors=True) as temporary:
        made = Path(temporary)
        facts = {"fingerprint": fingerprint, **_write(path, folder, made, precision)}
        _check(GraphRoute(folder, made, facts, None, precision), path, precision)
        facts_file(graphs, precision).unlink(missing_ok=True)
        for file in made.iterdir():
            file.replace(graphs / file.name)
        # Last: its presence says that all else is complete.
        said = facts_file(made, precision)
        said.write_text(json.dumps(facts, indent=1) + "\n")
        said.replace(facts_file(graphs, precision))


def _write(path: MaxFirst, folder: Path, made: Path, precision: str) -> dict[str, Any]:
    """Write the graphs, and the tokenizer where the model's file isn't all of it; what is to be known of them."""
    with path.without_decoder(), torch.inference_mode(), _quiet():
        try:
            transformer = _exported(path.model, path.tokenizer.length)
        except (MemoryError, OSError):
            raise
        except Exception as error:  # torch.onnx raises its own errors, and those of everything that it traces
            raise ModelNotSupported(f"the model can't be exported to ONNX: {_first_cause(error)}") from error
    weights = read_weights(folder)
    decoder = path.decoder
    size, width = decoder.weight.shape
    if precision == "int8":
        transformer = _rounded(transformer)
    facts = {
        "format": FORMAT,
        "weights": _take_out(transformer, weights),
        "decoder": _name_of(decoder.weight.detach().numpy(), weights),
        "bias": None if decoder.bias is None else _name_of(decoder.bias.detach().numpy(), weights),
        "logarithms": path.logarithms,
        "length": path.tokenizer.length,
        "padding": path.padding,
        "amended": _is_amended(path.tokenizer, folder / "tokenizer.json"),
    }
    for name, model in {
        TRANSFORMERS[precision]: transformer,
        "dense": dense_graph(size, width),
        "screen": screen_graph(size, width),
        "selected": selected_graph(size, width),
    }.items():
        (made / f"{name}.onnx").write_bytes(model.SerializeToString())
    if facts["amended"]:
        (made / "tokenizer.json").write_text(path.tokenizer.serialized, encoding="utf-8")
    return facts


def _is_amended(tokenizer: Tokenizer, file: Path) -> bool:
    """Whether transformers makes another tokenizer of a model's files than its ``tokenizer.json`` says."""
    if not file.exists():
        return True
    loaded, saved = json.loads(tokenizer.serialized), json.loads(file.read_bytes())
    return bool(loaded | _HOW_MUCH != saved | _HOW_MUCH)


def _check(exported: GraphRoute, path: MaxFirst, precision: str) -> None:
    """Compare with the route over PyTorch, which was shown to read and give what sentence-transformers does."""
    texts = probes(path.tokenizer, min(path.tokenizer.length, _LONGEST_PROBE))
    expected = path.prepare(texts)
    for text, ids, others in zip(texts, exported.prepare(texts), expected, strict=True):
        if not np.array_equal(ids, others):
            raise ModelNotSupported(f"the exported tokenizer reads {text!r:.60} otherwise")
    for batch in batches([len(ids) for ids in expected], path.pass_size):
        read = [expected[at] for at in batch]
        found, wanted = (route.encode(read, positions=True) for route in (exported, path))
        difference = max(one.vector.largest_difference(two.vector) for one, two in zip(found, wanted, strict=True))
        if not difference <= _TOLERANCES[precision]:
            raise ModelNotSupported(f"the exported graphs give other vectors: they differ by {difference:.1e}")


def _rounded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The transformer's products in eight bits, weights by column; seven bits where processors lack VNNI."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        whole, rounded = Path(folder, "whole.onnx"), Path(folder, "rounded.onnx")
        onnx.save(model, whole)
        quantize_dynamic(whole, rounded, op_types_to_quantize=["MatMul", "Gemm"], per_channel=True, reduce_range=True)
        return onnx.load(rounded)


def _exported(model: nn.Module, longest: int) -> onnx.ModelProto:
    ids = torch.ones((3, 7), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    dims = {0: torch.export.Dim("texts"), 1: torch.export.Dim("length", max=longest)}
    program: Any = torch.onnx.export(
        _Transformer(model),
        (ids, mask),
        dynamo=True,
        opset_version=_OPSET,
        input_names=["input_ids", "attention_mask"],
        output_names=["hidden"],
        dynamic_shapes={"input_ids": dims, "attention_mask": dims},
        verbose=False,
        optimize=True,
    )
    proto: onnx.ModelProto = program.model_proto
    for described in (proto.graph, *proto.graph.node, *proto.graph.value_info, *proto.graph.initializer):
        del described.metadata_props[:]  # torch notes where in whose files each node was traced
    _expand_rotations(proto)
    return proto


def _expand_rotations(model: onnx.ModelProto) -> None:
    """ModernBERT's rotary positions are one for all texts; ONNX Runtime wants them for each."""
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "RotaryEmbedding":
            if not any(found.output[0] == "rotation_shape" for found in nodes):
                model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1]), "rotation_ones"))
                nodes.append(helper.make_node("Shape", ["input_ids"], ["rotation_texts"], start=0, end=1))
                nodes.append(
                    helper.make_node("Concat", ["rotation_texts", "rotation_ones"], ["rotation_shape"], axis=0)
                )
            for at in (1, 2):
                expanded = f"{node.output[0]}_rotation_{at}"
                nodes.append(helper.make_node("Expand", [node.input[at], "rotation_shape"], [expanded]))
                node.input[at] = expanded
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _take_out(model: onnx.ModelProto, weights: Weights) -> dict[str, list[Any]]:
    """Take the weights out of a graph: initializer -> tensor of the safetensors file, and whether transposed."""
    supplied: dict[str, list[Any]] = {}
    for initializer in model.graph.initializer:
        if initializer.data_type != onnx.TensorProto.FLOAT or math.prod(initializer.dims) <= _INLINE:
            continue
        values = numpy_helper.to_array(initializer)
        for name, tensor in weights.items():
            if (transposed := _equal(values, tensor.T)) or _equal(values, tensor):
                supplied[initializer.name] = [name, transposed]
                external(initializer)
                break
    return supplied


def _name_of(values: npt.NDArray[Any], weights: Weights) -> str:
    for name, tensor in weights.items():
        if _equal(values, tensor):
            return name
    raise ModelNotSupported("the weights of the model's head aren't in its safetensors file")


def _equal(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> bool:
    return left.shape == right.shape and np.array_equal(left, right)


def _first_cause(error: BaseException) -> str:
    """In a line; torch.onnx wraps it in advice for its own developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


@contextmanager
def _quiet() -> Iterator[None]:
    """torch.onnx logs, warns and prints about what users of Postings can do nothing about."""
    loggers = [logging.getLogger(name) for name in ("", "torch", "torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL if logger.name == "torch" else logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
