"""A text is read as far as its model has positions, and no further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SparseEncoder

from postings import Document, Encoder
from postings_ingest.chunking import split
from tests.support.models import TEXTS, copy_of_tiny, long_modernbert, roberta, roberta_without_length, save

LONG = "the quick brown fox jumps over the lazy dog, again and again. " * 120 + "a lion hunts"
"""About 1,600 words, the last of which are nowhere else."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    models = {"short": roberta_without_length, "long": long_modernbert}
    return {name: save(model, tmp_path_factory.mktemp("model")) for name, model in models.items()}


@pytest.mark.parametrize("backend", ["onnx", "torch"])
@pytest.mark.parametrize(("name", "window"), [("short", 126), ("long", 2046)])
def test_texts_fill_the_window_of_their_model(folders: dict[str, Path], name: str, window: int, backend: Any) -> None:
    folder = folders[name]
    encoder = Encoder.load(folder, "cpu", backend)
    assert encoder.window == window
    reference = SparseEncoder(str(folder), device="cpu")
    reference[0].tokenizer.model_max_length = window + 2  # type: ignore[union-attr]
    texts = [*TEXTS, LONG]
    expected = reference.encode_document(texts, convert_to_sparse_tensor=False).numpy()
    for vector, row in zip(encoder.encode_documents(texts), expected, strict=True):
        row[vector.indices] -= vector.values
        assert np.abs(row).max() <= 1e-4


def test_what_sentence_transformers_encodes_is_cut_to_the_window_too(tmp_path: Path) -> None:
    folder = tmp_path / "sum"
    roberta(tmp_path, None, pooling_strategy="sum").save_pretrained(str(folder))
    encoder = Encoder.load(folder, "cpu")
    assert encoder.window == 126
    cut, whole = encoder.encode_documents(["word " * 126, "word " * 700])
    assert cut.largest_difference(whole) <= 1e-4
    assert encoder.encode_and_measure([" ".join(["word"] * 126), "word " * 700])[1] == 1


def test_a_model_reads_more_than_512_tokens(folders: dict[str, Path]) -> None:
    encoder = Encoder.load(folders["long"], "cpu", "torch")
    assert len(encoder.offsets(LONG)) > 1500
    assert encoder.query_tokens_left_out(LONG) == 0
    with_end, without = encoder.encode_documents([LONG, LONG.removesuffix("a lion hunts")])
    assert with_end != without


def test_a_side_that_reads_less_than_its_model_has_a_window_of_its_own(tmp_path: Path) -> None:
    folder = copy_of_tiny(tmp_path)
    said = folder / "sentence_bert_config.json"
    said.write_text(json.dumps({**json.loads(said.read_text()), "document_length": 16, "query_length": 8}))
    encoder = Encoder.load(folder, "cpu")
    assert encoder.window == 14
    assert encoder.query_tokens_left_out("lions " * 10) == 4
    first, rest = " ".join(["word"] * 14), "the quick brown fox jumps over the lazy dog"
    (whole, cut), beyond = encoder.encode_and_measure([f"{first} {rest}", first])
    assert whole.largest_difference(cut) <= 1e-4
    assert beyond == 1
    document = Document("long", f"{first} {rest}")
    passages = split(document, encoder, version=1, tokens=encoder.window, overlap=0)
    assert [len(encoder.offsets(passage.text)) <= 14 for passage in passages] == [True, True]


def test_a_query_says_how_many_of_its_tokens_are_beyond_the_window(encoder: Encoder) -> None:
    assert encoder.query_tokens_left_out("lions " * encoder.window) == 0
    assert encoder.query_tokens_left_out("lions " * (encoder.window + 3)) == 3
    assert encoder.query_tokens_left_out("") == 0


def test_a_text_of_the_whole_window_is_one_pass(folders: dict[str, Path]) -> None:
    encoder = Encoder.load(folders["long"], "cpu", "onnx")
    before = encoder.work.passes
    (vector,) = encoder.encode_documents([f"{LONG} {LONG}"])
    assert len(vector)
    assert encoder.work.passes == before + 1
    assert encoder.work.tokens >= 2048
