"""One fingerprint for what gives the same vectors, another for what doesn't."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from postings.encoder.model_files.fingerprint import fingerprint
from postings.encoder.model_files.location import BUNDLED
from tests.support.models import copy_of_tiny


def test_the_fingerprint_does_not_depend_on_the_place_or_on_notes(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / "README.md").write_text("a note")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**dict(reversed(config.items())), "transformers_version": "9"}))
    assert fingerprint(copy) == fingerprint(BUNDLED / "tiny")


@pytest.mark.parametrize(
    "left",
    [
        "training.json",
        "trainer_state.json",
        "training_args.bin",
        "eval_results.json",
        "README",
        "README.md",
        ".postings.json",
        ".cache/huggingface/download/config.json",
        "1_SpladePooling/.notes.txt",
        "checkpoint-500/model.safetensors",
        "runs/events.out.tfevents.1",
        "onnx/transformer.json",
    ],
)
def test_what_no_encoder_reads_changes_nothing(tmp_path: Path, left: str) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / left).parent.mkdir(parents=True, exist_ok=True)
    (copy / left).write_text('{"data": []}')
    assert fingerprint(copy) == fingerprint(BUNDLED / "tiny")


@pytest.mark.parametrize(
    "added",
    [
        "special_tokens_map.json",
        "vocab.txt",
        "spiece.model",
        "vocab.tiktoken",
        "chat_template.jinja",
        "0_Transformer/config.json",
        "1_X/a.safetensors",
    ],
)
def test_whatever_an_encoder_may_read_counts(tmp_path: Path, added: str) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / added).parent.mkdir(parents=True, exist_ok=True)
    (copy / added).write_text("{}")
    assert fingerprint(copy) != fingerprint(BUNDLED / "tiny")


@pytest.mark.parametrize("change", ["weights", "tokenizer", "pooling", "prompts"])
def test_the_fingerprint_changes_with_what_changes_vectors(tmp_path: Path, change: str) -> None:
    copy = copy_of_tiny(tmp_path)
    if change == "weights":
        weights = load_file(copy / "model.safetensors")
        first = next(iter(weights))
        weights[first] = weights[first] + np.float16(1)
        save_file(weights, copy / "model.safetensors")
    elif change == "tokenizer":
        (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text().replace('"lions"', '"lionz"'))
    elif change == "pooling":
        pooling = copy / "1_SpladePooling" / "config.json"
        pooling.write_text(pooling.read_text().replace('"relu"', '"log1p_relu"'))
    else:
        settings_file = copy / "config_sentence_transformers.json"
        settings_file.write_text(settings_file.read_text().replace('"query": ""', '"query": "q: "'))
    assert fingerprint(copy) != fingerprint(BUNDLED / "tiny")
