"""The encoder gives what sentence-transformers gives, for each architecture."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SparseEncoder

from postings import Encoder, SparseVector
from postings.documents import Span
from postings.encoder.model_files.location import BUNDLED
from postings.encoding_options import Backend, Precision
from postings.passages import passage_input
from postings.stored_evidence import Packed, pack, unpack
from tests.support.examples import examples
from tests.support.models import MODELS, SPLADE, TEXTS, save
from tests.support.vectors import TOLERANCE, assert_same


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: save(name, tmp_path_factory.mktemp("model")) for name in MODELS}


@pytest.fixture(
    scope="module", params=[*((name, "torch") for name in MODELS), *((name, "onnx") for name in SPLADE)], ids="-".join
)
def pair(request: pytest.FixtureRequest, folders: dict[str, Path]) -> tuple[Encoder, SparseEncoder]:
    """The same model in Postings and in sentence-transformers."""
    name, backend = cast("tuple[str, Backend]", request.param)
    encoder = Encoder.load(folders[name], "cpu", backend)
    assert encoder.backend == backend
    return encoder, SparseEncoder(str(folders[name]), device="cpu")


def test_documents_and_queries_equal_sentence_transformers(pair: tuple[Encoder, SparseEncoder]) -> None:
    encoder, reference = pair
    documents = reference.encode_document(TEXTS, convert_to_sparse_tensor=False).numpy()
    queries = reference.encode_query(TEXTS, convert_to_sparse_tensor=False).numpy()
    assert_same(encoder.encode_documents(TEXTS), documents)
    assert_same(encoder.encode_queries(TEXTS), queries)
    assert encoder.dims == queries.shape[1]


def test_evidence_points_at_the_characters_of_the_maximum(pair: tuple[Encoder, SparseEncoder]) -> None:
    encoder, reference = pair
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


def test_evidence_comes_with_the_vectors_as_it_comes_alone(pair: tuple[Encoder, SparseEncoder]) -> None:
    encoder, _ = pair
    vectors = encoder.encode_documents(TEXTS)
    alone = encoder.evidence(TEXTS, [vector.indices for vector in vectors])
    for (vector, evidence), expected, spans in zip(encoder.encode_for_storage(TEXTS), vectors, alone, strict=True):
        assert vector.largest_difference(expected) <= TOLERANCE
        if vector.indices.tolist() == expected.indices.tolist():
            assert evidence.lists() == spans


TITLES = ["", "  ", "Lions, naïve prey: 東京 👩‍🚀", "word " * 300]


@pytest.mark.parametrize("title", TITLES, ids=["no title", "spaces", "title", "long title"])
def test_packed_evidence_is_that_of_the_model(pair: tuple[Encoder, SparseEncoder], title: str) -> None:
    assert_packed(pair[0], title, TEXTS)


@settings(max_examples=examples(60))
@given(title=st.text(max_size=40), text=st.text(max_size=200))
def test_packed_evidence_of_any_text_is_that_of_the_model(encoder: Encoder, title: str, text: str) -> None:
    assert_packed(encoder, title, [text])


def assert_packed(encoder: Encoder, title: str, texts: list[str]) -> None:
    inputs = [passage_input(encoder, title, text) for text in texts]
    read = [each for each, _ in inputs]
    found = encoder.encode_for_storage(read)
    alone = encoder.evidence(read, [vector.indices for vector, _ in found])
    for text, (joined, start), (vector, evidence), expected in zip(texts, inputs, found, alone, strict=True):
        packed = pack(evidence, start, encoder.fingerprint, vector, title, text)
        (unpacked,) = unpack(encoder.fingerprint, [Packed(packed, vector, title, text, vector.indices)])
        assert unpacked is not None
        moved, whole = len(title) + 1 - start, f"{title} {text}"
        assert _shown(whole, unpacked) == _shown(joined, expected)
        assert unpacked == [[(a + moved, b + moved) if a >= start else (a, b) for a, b in each] for each in expected]


def _shown(text: str, evidence: list[list[Span]]) -> list[list[str]]:
    return [[text[start:end] for start, end in each] for each in evidence]


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_the_bundled_model_equals_sentence_transformers(backend: Backend) -> None:
    reference = SparseEncoder(str(BUNDLED / "tiny"), device="cpu")
    assert_same(
        Encoder.load("tiny", "cpu", backend).encode_documents(TEXTS),
        reference.encode_document(TEXTS, convert_to_sparse_tensor=False).numpy(),
    )


@pytest.mark.parametrize(("backend", "precision"), [("torch", "bfloat16"), ("onnx", "int8")])
def test_a_lower_precision_changes_vectors_a_little(encoder: Encoder, backend: Backend, precision: Precision) -> None:
    lower = Encoder.load("tiny", "cpu", backend, precision)
    for vector, expected in zip(lower.encode_documents(TEXTS[:3]), encoder.encode_documents(TEXTS[:3]), strict=True):
        cosine = vector.dot(expected) / np.sqrt(vector.dot(vector) * expected.dot(expected))
        assert 0.98 < cosine < 1 - 1e-9
    (vector,) = lower.encode_documents(["a lion hunts"])
    ((spans,),) = lower.evidence(["a lion hunts"], [[vector.indices[vector.values.argmax()]]])
    assert spans == [(2, 6)]


def test_a_stream_is_encoded_as_a_list_is(encoder: Encoder) -> None:
    texts = [str(n) for n in range(4100)]
    streamed = list(encoder.stream_documents(iter(texts)))
    assert len(streamed) == len(texts)
    some = [0, 1, 2047, 2048, 2500, 4095, 4096, 4099]
    for at, expected in zip(some, encoder.encode_documents([texts[at] for at in some]), strict=True):
        assert streamed[at].largest_difference(expected) <= TOLERANCE


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(st.text(max_size=200), max_size=5))
def test_any_text_is_encoded_the_same_alone_and_among_others(encoder: Encoder, texts: list[str]) -> None:
    together = encoder.encode_documents(texts)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = encoder.encode_documents([text])
        assert vector.largest_difference(alone) <= TOLERANCE
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
    assert len(answers) == len(threads)
    for vectors in answers.values():
        for vector, alone in zip(vectors, expected, strict=True):
            assert vector.largest_difference(alone) <= TOLERANCE


def test_tokens_are_words_of_the_vocabulary(encoder: Encoder) -> None:
    (query,) = encoder.encode_queries(["lions"])
    strongest = query.indices[query.values.argmax()]
    assert encoder.tokens([strongest]) == ["lions"]
    assert encoder.tokens([10**6]) == ["[1000000]"]


def test_a_query_says_how_many_of_its_tokens_are_beyond_the_window(encoder: Encoder) -> None:
    assert encoder.query_tokens_left_out("lions " * encoder.window) == 0
    assert encoder.query_tokens_left_out("lions " * (encoder.window + 3)) == 3
    assert encoder.query_tokens_left_out("") == 0
