"""Writing the graphs of a SPLADE model, and checking that they give the vectors of PyTorch."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from postings.encoder.cache import write_json
from postings.encoder.export.head import dense_graph, external, screen_graph, selected_graph
from postings.encoder.export.quantization import quantized
from postings.encoder.export.quiet import quiet
from postings.encoder.export.transformer import transformer_graph
from postings.encoder.model_files.tokenizer import Tokenizer
from postings.encoder.model_files.weights import Weights, read_weights
from postings.encoder.passes.batches import batches
from postings.encoder.routes.onnx.manifest import FORMAT, TRANSFORMERS, manifest_file
from postings.encoder.routes.onnx_splade import OnnxSplade
from postings.encoder.routes.probes import probes
from postings.encoder.routes.torch_splade import TorchSplade
from postings.errors import ModelNotSupported, first_line

_LONGEST_PROBE = 600  # tokens
_LENGTH_SETTINGS = {"truncation": None, "padding": None}  # of tokenizer.json; each use sets its own
_TOLERANCES = {"float32": 1e-4, "int8": 1.0}
_INLINE = 1024  # numbers; smaller constants stay in the graph


def write_graphs(route: TorchSplade, folder: Path, fingerprint: str, graphs: Path, precision: str) -> None:
    """Write the graphs of a model to a folder.

    Args:
        route: over PyTorch; it has been compared with sentence-transformers.
        folder: of the model's transformer, with the safetensors weights.
        fingerprint: of the model; the graphs are used for no other.
        graphs: the folder to write to.
        precision: of the transformer's products, ``float32`` or ``int8``.

    Raises:
        ModelNotSupported: the model's architecture can't be exported, or the graphs give other vectors.
        OSError: the folder can't be written to.
    """
    graphs.mkdir(parents=True, exist_ok=True)
    # Several processes may export a model at once, and one of them may fail.
    with tempfile.TemporaryDirectory(dir=graphs, ignore_cleanup_errors=True) as temporary:
        partial = Path(temporary)
        manifest = {"fingerprint": fingerprint, **_write(route, folder, partial, precision)}
        _check(OnnxSplade(folder, partial, manifest, None, precision), route, precision)
        manifest_file(graphs, precision).unlink(missing_ok=True)
        for file in partial.iterdir():
            file.replace(graphs / file.name)
        # The manifest comes last: if it exists, the graphs are complete.
        write_json(manifest_file(graphs, precision), manifest)


def _write(route: TorchSplade, folder: Path, graphs: Path, precision: str) -> dict[str, Any]:
    """Write the graphs, and the tokenizer if it differs from the model's file; return the manifest."""
    with route.without_decoder(), torch.inference_mode(), quiet():
        try:
            transformer = transformer_graph(route.model, route.tokenizer.length)
        except (MemoryError, OSError):
            raise
        except Exception as error:  # torch.onnx raises its own errors, and those of the code that it traces
            raise ModelNotSupported(f"the model can't be exported to ONNX: {_first_cause(error)}") from error
    weights = read_weights(folder)
    decoder = route.decoder
    size, width = decoder.weight.shape
    if precision == "int8":
        transformer = quantized(transformer)
    manifest = {
        "format": FORMAT,
        "weights": _remove_weights(transformer, weights),
        "decoder": _name_of(decoder.weight.detach().numpy(), weights),
        "bias": None if decoder.bias is None else _name_of(decoder.bias.detach().numpy(), weights),
        "logarithms": route.logarithms,
        "length": route.tokenizer.length,
        "padding": route.padding,
        "amended": _differs(route.tokenizer, folder / "tokenizer.json"),
    }
    for name, model in {
        TRANSFORMERS[precision]: transformer,
        "dense": dense_graph(size, width),
        "screen": screen_graph(size, width),
        "selected": selected_graph(size, width),
    }.items():
        (graphs / f"{name}.onnx").write_bytes(model.SerializeToString())
    if manifest["amended"]:
        (graphs / "tokenizer.json").write_text(route.tokenizer.serialized, encoding="utf-8")
    return manifest


def _differs(tokenizer: Tokenizer, file: Path) -> bool:
    """Whether the tokenizer that transformers made from a model's files differs from its ``tokenizer.json``."""
    if not file.exists():
        return True
    loaded, saved = json.loads(tokenizer.serialized), json.loads(file.read_bytes())
    return bool(loaded | _LENGTH_SETTINGS != saved | _LENGTH_SETTINGS)


def _check(exported: OnnxSplade, route: TorchSplade, precision: str) -> None:
    """Compare token ids and vectors with those of the route over PyTorch."""
    texts = probes(route.tokenizer, min(route.tokenizer.length, _LONGEST_PROBE))
    expected = route.prepare(texts)
    for text, found, wanted in zip(texts, exported.prepare(texts), expected, strict=True):
        if not np.array_equal(found, wanted):
            raise ModelNotSupported(f"the exported tokenizer gives other ids for {text!r:.60}")
    for batch in batches([len(ids) for ids in expected], route.pass_size):
        ids = [expected[at] for at in batch]
        pairs = zip(exported.encode(ids, positions=True), route.encode(ids, positions=True), strict=True)
        difference = max(one.vector.largest_difference(two.vector) for one, two in pairs)
        if not difference <= _TOLERANCES[precision]:
            raise ModelNotSupported(f"the exported graphs give other vectors: they differ by {difference:.1e}")


def _remove_weights(model: onnx.ModelProto, weights: Weights) -> dict[str, list[Any]]:
    """Remove the weights from a graph; map each initializer to a tensor of the safetensors file, and if transposed."""
    removed: dict[str, list[Any]] = {}
    for initializer in model.graph.initializer:
        if initializer.data_type != onnx.TensorProto.FLOAT or math.prod(initializer.dims) <= _INLINE:
            continue
        values = numpy_helper.to_array(initializer)
        for name, tensor in weights.items():
            if (transposed := _equal(values, tensor.T)) or _equal(values, tensor):
                removed[initializer.name] = [name, transposed]
                external(initializer)
                break
    return removed


def _name_of(values: npt.NDArray[Any], weights: Weights) -> str:
    for name, tensor in weights.items():
        if _equal(values, tensor):
            return name
    raise ModelNotSupported("the weights of the model's head aren't in its safetensors file")


def _equal(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> bool:
    return left.shape == right.shape and np.array_equal(left, right)


def _first_cause(error: BaseException) -> str:
    """The original error in one line; torch.onnx wraps it in advice for its own developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {first_line(error)}"
