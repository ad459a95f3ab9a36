"""The encoder gives what sentence-transformers gives, for each architecture."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from sentence_transformers import SparseEncoder

from postings import Encoder, SparseVector
from postings.encoder.fingerprint import fingerprint
from postings.encoder.sources import BUNDLED
from postings.errors import ModelNotFound, ModelNotSupported
from tests.support.models import MODELS, TEXTS, save

TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=MODELS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(request.param, tmp_path_factory.mktemp("model"))


def assert_same(vectors: list[SparseVector], reference: np.ndarray) -> None:
    assert len(vectors) == len(reference)
    for vector, row in zip(vectors, reference, strict=True):
        dense = np.zeros_like(row)
        dense[vector.indices] = vector.values
        np.testing.assert_allclose(dense, row, atol=TOLERANCE, rtol=0)
        differing = (dense != 0) != (row != 0)
        assert np.all(np.abs(row[differing]) <= TOLERANCE)


def test_documents_and_queries_equal_sentence_transformers(folder: Path) -> None:
    encoder, reference = Encoder.load(folder, "cpu"), SparseEncoder(str(folder), device="cpu")
    documents = reference.encode_document(TEXTS, convert_to_sparse_tensor=False).numpy()
    queries = reference.encode_query(TEXTS, convert_to_sparse_tensor=False).numpy()
    assert_same(encoder.encode_documents(TEXTS), documents)
    assert_same(encoder.encode_queries(TEXTS), queries)


def test_evidence_points_at_the_characters_of_the_maximum(folder: Path) -> None:
    encoder, reference = Encoder.load(folder, "cpu"), SparseEncoder(str(folder), device="cpu")
    text = "A cheetah (Acinonyx) is running behind its prey; naïve prey."
    (vector,) = encoder.encode_documents([text])
    (spans,) = encoder.evidence([text], [vector.indices])
    assert len(spans) == len(vector)
    assert all(0 <= start < end <= len(text) for found in spans for start, end in found)
    modules = list(reference)
    if not hasattr(modules[-1], "activation_function") or modules[-1].pooling_strategy != "max":
        return
    prompt = reference.prompts["document"] or ""
    features = modules[0].preprocess([prompt + text])
    logits = modules[0](features)["token_embeddings"][0].detach().numpy()[:, vector.indices]
    offsets = reference.tokenizer(prompt + text, return_offsets_mapping=True)["offset_mapping"]
    for column, found in enumerate(spans):
        winner = int(logits[:, column].argmax())
        start, end = (offset - len(prompt) for offset in offsets[winner])
        assert ((start, end) in found) == (end > start >= 0)


def test_the_bundled_model_equals_sentence_transformers(encoder: Encoder) -> None:
    reference = SparseEncoder(str(BUNDLED / "tiny"), device="cpu")
    assert_same(
        encoder.encode_documents(TEXTS), reference.encode_document(TEXTS, convert_to_sparse_tensor=False).numpy()
    )


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), max_size=5))
def test_any_text_is_encoded_the_same_alone_and_among_others(encoder: Encoder, texts: list[str]) -> None:
    together = encoder.encode_documents(texts)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = encoder.encode_documents([text])
        assert abs(alone.dot(alone) - vector.dot(vector)) <= 1e-3 * max(1.0, alone.dot(alone))
        for found in encoder.evidence([text], [alone.indices])[0]:
            assert all(0 <= start < end <= len(text) for start, end in found)


def test_evidence_in_a_text_longer_than_the_window_is_what_was_read(encoder: Encoder) -> None:
    text = "filler " * encoder.window + "cheetah"
    (vector,) = encoder.encode_documents([text])
    last_read = int(encoder.offsets(text)[encoder.window - 1, 1])
    assert all(end <= last_read for spans in encoder.evidence([text], [vector.indices])[0] for _, end in spans)


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode_documents([]) == []
    assert encoder.evidence([], []) == []
    assert encoder.evidence(["text"], [[]]) == [[]]


def test_one_string_instead_of_a_list_is_refused(encoder: Encoder) -> None:
    with pytest.raises(TypeError, match=r"pass \[text\]"):
        encoder.encode_documents("text")


def test_several_threads_get_what_one_gets(encoder: Encoder) -> None:
    texts = [f"text number {n} about lions and {n} tigers" for n in range(16)]
    expected = encoder.encode_documents(texts)
    answers: dict[int, list[SparseVector]] = {}

    def work(thread: int) -> None:
        answers[thread] = encoder.encode_documents(texts)
        encoder.evidence([texts[thread]], [answers[thread][thread].indices])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vectors in answers.values():
        assert [v.indices.tolist() for v in vectors] == [v.indices.tolist() for v in expected]


def test_tokens_are_words_of_the_vocabulary(encoder: Encoder) -> None:
    (query,) = encoder.encode_queries(["lions"])
    strongest = query.indices[query.values.argmax()]
    assert encoder.tokens([strongest]) == ["lions"]
    assert encoder.tokens([10**6]) == ["[1000000]"]


def test_latents_of_csr_are_named_by_words_that_activate_them(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In a process of its own, whose cache folder is empty."""
    folder = save("csr", tmp_path)
    code = (
        "import sys; from postings import Encoder; e = Encoder.load(sys.argv[1], 'cpu');"
        "(v,) = e.encode_documents(['lion']); top = v.indices[v.values.argmax()];"
        "print(e.tokens([top, 127 if top != 127 else 126])); print(e.evidence(['lion'], [v.indices])[0][0])"
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": ""}
    command = [sys.executable, "-c", code, str(folder)]
    first = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert first.startswith("['latent ")
    assert "(" in first
    assert first.splitlines()[1] == "[]"
    (cached,) = (tmp_path / "cache" / "postings").iterdir()
    assert json.loads(cached.read_text())
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == first


def copy_of_tiny(folder: Path) -> Path:
    return Path(shutil.copytree(BUNDLED / "tiny", folder / "copy"))


def test_the_fingerprint_does_not_depend_on_the_place_or_on_notes(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / "README.md").write_text("a note")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**dict(reversed(config.items())), "transformers_version": "9"}))
    assert fingerprint(copy) == fingerprint(BUNDLED / "tiny")


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


@pytest.mark.parametrize("model", ["tinny", "./nowhere", "/nowhere/at/all", "a/b/c", ""])
def test_an_unknown_model_is_named_with_what_was_expected(model: str) -> None:
    with pytest.raises(ModelNotFound, match=r"expected a bundled model \(tiny\)|isn't a model folder"):
        Encoder.load(model)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="has neither modules"):
        Encoder.load(tmp_path)


def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelNotSupported, match=r"has no \*\.safetensors weights"):
        Encoder.load(copy)


def test_damaged_weights_are_reported(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelNotSupported, match="can't be loaded"):
        Encoder.load(copy)


def test_a_dense_model_is_refused(tmp_path: Path) -> None:
    parts = save("csr", tmp_path)
    modules = json.loads((parts / "modules.json").read_text())
    (parts / "modules.json").write_text(json.dumps(modules[:-1]))
    with pytest.raises(ModelNotSupported, match="isn't a sparse encoder"):
        Encoder.load(parts)


def test_a_model_that_compares_by_cosine_is_refused(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    config = json.loads((copy / "config_sentence_transformers.json").read_text())
    (copy / "config_sentence_transformers.json").write_text(json.dumps({**config, "similarity_fn_name": "cosine"}))
    with pytest.raises(ModelNotSupported, match="by cosine, but Qdrant scores sparse vectors by dot product"):
        Encoder.load(copy)
