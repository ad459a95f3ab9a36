"""The graph of a model's transformer: token ids in, the inputs of the decoder out."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

_OPSET = 23  # the first with an Attention operator


class _Transformer(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        # Padding is filled with the text's first position, which changes no maximum.
        return torch.where(attention_mask.bool().unsqueeze(2), hidden, hidden[:, :1])


def transformer_graph(model: nn.Module, longest: int) -> onnx.ModelProto:
    """``input_ids, attention_mask (texts, length) -> hidden (texts, length, width)``.

    Args:
        model: a masked-language model without its decoder.
        longest: tokens of the longest text that the model reads.
    """
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
    graph: onnx.ModelProto = program.model_proto
    for described in (graph.graph, *graph.graph.node, *graph.graph.value_info, *graph.graph.initializer):
        del described.metadata_props[:]  # the files and lines in which torch traced each node
    _expand_rotations(graph)
    return graph


def _expand_rotations(model: onnx.ModelProto) -> None:
    """Repeat ModernBERT's rotary positions for each text: it has them once, ONNX Runtime expects them for each."""
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
