"""Less memory for activations, more time: gradient checkpointing."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel


def recompute_activations(model: nn.Module) -> None:
    """Keep the activations at the borders of layers only (gradient checkpointing: Chen et al. 2016).

    The trainer's own setting works for models of transformers, but not for those of sentence-transformers.
    https://arxiv.org/abs/1604.06174
    """
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and module.supports_gradient_checkpointing:
            module.activation_checkpointing_enable({"use_reentrant": False})
