"""Models with random weights in the shapes of known ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

from postings.encoder.model_files.location import BUNDLED

VOCABULARY = 30522
_ACTIVE_DIMS = 150
_SAMPLE_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Shape:
    """A BERT's width, layers and heads; ``dense`` leaves the bias at zero, so that nearly every dim is active."""

    width: int
    layers: int
    heads: int
    dense: bool = False

    @property
    def inner(self) -> int:
        return 4 * self.width

    @property
    def products(self) -> list[tuple[int, int]]:
        """The sizes of all weights that a token's vector is multiplied by, the head's last; attention has none."""
        inside = [(self.width, self.inner), (self.inner, self.width)] * self.layers
        return [*[(self.width, self.width)] * (4 * self.layers + 1), *inside, (self.width, VOCABULARY)]


TINY = "tiny"
SHAPES = {
    TINY: Shape(128, 2, 2),
    "MiniLM-L6": Shape(384, 6, 12),
    "BERT-base": Shape(768, 12, 12),
    "BERT-large": Shape(1024, 24, 16),
    "MiniLM-L6, dense": Shape(384, 6, 12, dense=True),
    "BERT-base, dense": Shape(768, 12, 12, dense=True),
}


def model_folder(name: str, parent: Path) -> Path:
    """The bundled model's folder, or one with a random model of the shape, made below ``parent``."""
    if name == TINY:
        return BUNDLED / TINY
    shape = SHAPES[name]
    folder = parent / name.replace(", ", "-")
    if folder.exists():
        return folder
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
    )
    model = BertForMaskedLM(config).eval()
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED / TINY)
    if not shape.dense:
        with torch.no_grad():
            sample = torch.randint(1000, config.vocab_size, (32, _SAMPLE_LENGTH))
            highest = model(input_ids=sample).logits.amax(1)
            model.cls.predictions.bias.fill_(-highest.topk(_ACTIVE_DIMS).values[:, -1].mean())
    parts = folder / "parts"
    model.save_pretrained(parts)
    tokenizer.save_pretrained(parts)
    modules = [Transformer(str(parts), transformer_task="fill-mask"), SpladePooling()]
    SparseEncoder(modules=modules).save_pretrained(str(folder))
    return folder
