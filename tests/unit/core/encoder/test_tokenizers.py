"""A model's texts become the ids that sentence-transformers makes of them, whatever its files say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SparseEncoder
from transformers import AutoTokenizer

from postings import Encoder
from postings.encoder.model_files.tokenizer import Tokenizer
from postings.encoder.model_files.transformers_tokenizer import as_transformers_loads
from postings.encoder.routes.probes import probes
from postings.encoding_options import Backend
from tests.support.models import TEXTS, inference_free, roberta, save, small_bert
from tests.support.vectors import assert_same

KINDS = [
    "A MAN is Eating FOOD.",
    "Zürich, naïve café",
    "Zu\u0308rich, nai\u0308ve cafe\u0301",
    "東京 food 京",
    "👩‍🚀 fox",
    "fox\tdog\x00\u200bmore\r\n",
    "fox" * 80,
    "a [MASK] fox <mask> dog [fox] </s>",
    *TEXTS,
]

Change = Callable[[Path], None]


def edited(name: str, **values: Any) -> Change:
    """Set entries of one of a folder's JSON files."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_bytes()) if (folder / name).exists() else {}
        (folder / name).write_text(json.dumps({**content, **values}))

    return change


def both(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for each in changes:
            each(folder)

    return change


def vocabulary_alone(folder: Path) -> None:
    """As older models are saved: ``vocab.txt``, no ``tokenizer.json``."""
    vocabulary = json.loads((folder / "tokenizer.json").read_bytes())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)) + "\n")
    (folder / "tokenizer.json").unlink()


def normalized(**values: Any) -> Change:
    """Let ``tokenizer.json`` alone say how text is normalized."""

    def change(folder: Path) -> None:
        content = json.loads((folder / "tokenizer.json").read_bytes())
        content["normalizer"] |= values
        (folder / "tokenizer.json").write_text(json.dumps(content))

    return change


SETTINGS, SENTENCES = "tokenizer_config.json", "sentence_bert_config.json"
CASED = normalized(lowercase=False, strip_accents=False)
CHANGES: dict[str, Change] = {
    "nothing": both(),
    "a file that keeps capitals": CASED,
    "settings that keep capitals": edited(SETTINGS, do_lower_case=False),
    "capitals that sentence-transformers lowers": both(
        CASED, edited(SETTINGS, do_lower_case=False), edited(SENTENCES, do_lower_case=True)
    ),
    "accents that are kept": edited(SETTINGS, strip_accents=False),
    "accents that are stripped": edited(SETTINGS, do_lower_case=False, strip_accents=True),
    "no cuts between CJK": edited(SETTINGS, tokenize_chinese_chars=False),
    "words that are cut otherwise": edited("tokenizer.json", pre_tokenizer={"type": "WhitespaceSplit"}),
    "an added token": edited(SETTINGS, extra_special_tokens=["fox"]),
    "another mask": edited(SETTINGS, mask_token="dog"),
    "no special tokens in texts": edited(SETTINGS, split_special_tokens=True),
    "texts that are cut on the left": edited(SETTINGS, truncation_side="left"),
    "a shorter window": edited(SENTENCES, max_seq_length=16),
    "arguments for the tokenizer": edited(SENTENCES, tokenizer_args={"model_max_length": 20, "do_lower_case": False}),
    "arguments for each call": edited(SENTENCES, processing_kwargs={"text": {"max_length": 12}}),
    "shorter queries": edited(SENTENCES, query_length=8),
    "a vocabulary alone": vocabulary_alone,
}
ONLY_TRANSFORMERS_KNOWS = {
    "an added token",
    "another mask",
    "no special tokens in texts",
    "texts that are cut on the left",
    "a vocabulary alone",
}
"""Of what a tokenizer's own files say."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(small_bert, tmp_path_factory.mktemp("model"))


def changed(saved: Path, change: Change, into: Path) -> Path:
    copy = into / "changed"
    for file in saved.rglob("*"):
        if file.is_file():
            (copy / file.relative_to(saved)).parent.mkdir(parents=True, exist_ok=True)
            (copy / file.relative_to(saved)).write_bytes(file.read_bytes())
    change(copy)
    return copy


def assert_equals_sentence_transformers(encoder: Encoder, folder: Path) -> None:
    reference = SparseEncoder(str(folder), device="cpu")
    assert_same(
        encoder.encode_documents(KINDS), reference.encode_document(KINDS, convert_to_sparse_tensor=False).numpy()
    )
    assert_same(encoder.encode_queries(KINDS), reference.encode_query(KINDS, convert_to_sparse_tensor=False).numpy())


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_vectors_follow_all_that_a_folder_says_of_its_tokenizer(saved: Path, change: Change, tmp_path: Path) -> None:
    folder = changed(saved, change, tmp_path)
    assert_equals_sentence_transformers(Encoder.load(folder, "cpu", "torch"), folder)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (small_bert, both(CASED, edited(SETTINGS, strip_accents=False, mask_token="dog"))),
        (small_bert, both(vocabulary_alone, edited(SENTENCES, max_seq_length=20))),
        (roberta, both(edited(SETTINGS, add_prefix_space=True), edited(SENTENCES, do_lower_case=True))),
    ],
    ids=["settings", "a vocabulary alone", "RoBERTa"],
)
def test_graphs_read_texts_as_the_model_they_were_made_of(model: Any, change: Change, tmp_path: Path) -> None:
    folder = save(model, tmp_path)
    change(folder)
    encoder = Encoder.load(folder, "cpu")
    assert encoder.backend == "onnx"
    assert_equals_sentence_transformers(encoder, folder)
    again = Encoder.load(folder, "cpu", "onnx")
    assert again.encode_documents(KINDS) == encoder.encode_documents(KINDS)
    assert again.fingerprint == Encoder.load(folder, "cpu", "torch").fingerprint


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_what_tells_queries_from_documents_is_left_to_sentence_transformers(
    saved: Path, backend: Backend, tmp_path: Path
) -> None:
    folder = changed(saved, CHANGES["shorter queries"], tmp_path)
    encoder = Encoder.load(folder, "cpu", backend)
    assert encoder.backend == "torch"
    assert_equals_sentence_transformers(encoder, folder)


@pytest.mark.parametrize("name", CHANGES)
def test_a_tokenizer_is_told_without_transformers_or_not_at_all(saved: Path, name: str, tmp_path: Path) -> None:
    folder = changed(saved, CHANGES[name], tmp_path)
    (folder / "config.json").write_text('{"frozen": true}')  # as beside a SparseStaticEmbedding
    serialized = as_transformers_loads(folder)
    assert (serialized is None) == (name in ONLY_TRANSFORMERS_KNOWS)
    if serialized is not None:
        tokenizer = Tokenizer(serialized, 256, special_tokens=False)
        texts = [*KINDS, *probes(tokenizer, 256)]
        reference = AutoTokenizer.from_pretrained(folder)
        expected = reference(texts, add_special_tokens=False, truncation=True, max_length=256)["input_ids"]
        assert [ids.tolist() for ids in tokenizer.ids(texts)] == expected


@pytest.mark.parametrize(
    "name", ["ModernBertTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend", "GPT2Tokenizer"]
)
def test_a_tokenizer_that_is_read_as_it_is_is_told_by_its_class(saved: Path, name: str, tmp_path: Path) -> None:
    of_bert = {"do_lower_case": None, "tokenize_chinese_chars": None}
    folder = changed(saved, both(CASED, edited(SETTINGS, tokenizer_class=name, **of_bert)), tmp_path)
    (folder / "config.json").write_text("{}")
    serialized = as_transformers_loads(folder)
    assert (serialized is None) == (name in {"ModernBertTokenizer", "GPT2Tokenizer"})
    if serialized is not None:
        reference = AutoTokenizer.from_pretrained(folder)
        ids = Tokenizer(serialized, 256, special_tokens=False).ids(KINDS)
        assert [each.tolist() for each in ids] == reference(
            KINDS, add_special_tokens=False, truncation=True, max_length=256
        )["input_ids"]


@pytest.mark.parametrize(
    ("change", "light"),
    [
        (both(CASED, edited(SETTINGS, strip_accents=True)), True),
        (edited(SETTINGS, truncation_side="left", model_max_length=16), False),
        (vocabulary_alone, False),
    ],
    ids=["settings", "cut on the left", "a vocabulary alone"],
)
def test_inference_free_queries_follow_their_tokenizer(change: Change, light: bool, tmp_path: Path) -> None:
    folder = save(inference_free, tmp_path)
    (side,) = folder.glob("query*SparseStaticEmbedding")
    change(side)
    assert (as_transformers_loads(side) is not None) is light
    encoder = Encoder.load(folder, "cpu", "torch")
    reference = SparseEncoder(str(folder), device="cpu")
    assert_same(encoder.encode_queries(KINDS), reference.encode_query(KINDS, convert_to_sparse_tensor=False).numpy())
