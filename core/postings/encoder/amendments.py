"""What transformers makes of a ``tokenizer.json`` when it loads it, told without transformers.

For some models it rebuilds the tokenizer from the vocabulary and ``tokenizer_config.json``, for all it adds the
special tokens that the configuration names. What is known here is BERT's tokenizer, and the plain one that is read
as it is; of any other, only transformers itself can tell.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_BERT = {"BertTokenizer", "DistilBertTokenizer"}
_PLAIN = {"PreTrainedTokenizer", "TokenizersBackend"}
_BERT_TOKENS = {
    f"{name}_token": f"[{content}]"
    for name, content in {"unk": "UNK", "sep": "SEP", "pad": "PAD", "cls": "CLS", "mask": "MASK"}.items()
}
_OF_MODELS = ("model_type", "tokenizer_class", "auto_map")  # by which transformers may choose another tokenizer
_MANY = 100_000  # of so large a vocabulary, transformers looks for a regular expression to put right

# Settings that change nothing of a text's ids where they are cut on the right, without special tokens around it.
_NEUTRAL = {
    *("backend", "clean_up_tokenization_spaces", "do_basic_tokenize", "is_local", "local_files_only", "max_length"),
    *("model_input_names", "model_max_length", "name_or_path", "never_split", "pad_to_multiple_of", "padding_side"),
    *("pad_token_type_id", "special_tokens_map_file", "stride", "tokenizer_class", "tokenizer_file"),
    *("truncation_side", "truncation_strategy", "added_tokens_decoder"),  # these two are looked at by themselves
}


def amended(folder: Path) -> str | None:
    """The tokenizer of a folder as transformers has it, in the format of ``tokenizer.json``.

    Special tokens around a text are not looked at. ``None`` where only transformers can tell.

    Raises:
        ValueError: a file isn't JSON.
        KeyError: ``tokenizer.json`` lacks a part.
    """
    text = (folder / "tokenizer.json").read_text(encoding="utf-8") if (folder / "tokenizer.json").exists() else "{}"
    file, settings = json.loads(text), _optional(folder / "tokenizer_config.json")
    name = str(settings.get("tokenizer_class")).removesuffix("Fast")
    config = _optional(folder / "config.json")
    if not file or name not in _BERT | _PLAIN or any(config.get(each) for each in _OF_MODELS):
        return None
    tokens = _tokens(settings)
    others = settings.keys() - tokens.keys() - _NEUTRAL
    if name in _BERT:
        others -= {"do_lower_case", "strip_accents", "tokenize_chinese_chars"}
        tokens = _BERT_TOKENS | tokens
    # What is set to nothing or to no is what transformers does by default.
    if any(settings[key] for key in others) or not _cut_on_the_right(settings, file):
        return None
    if (folder / "added_tokens.json").exists() or not _has_added(settings, file):
        return None
    further = _optional(folder / "special_tokens_map.json")
    if any(further[key] for key in further.keys() - _tokens(further).keys()):
        return None
    if not _has_special(file, [*tokens.values(), *_tokens(further).values()]):
        return None
    if name in _PLAIN:
        return text if len(file["model"]["vocab"]) <= _MANY else None
    if file["model"]["type"] != "WordPiece" or not _in_vocabulary(file):
        return None
    rebuilt = file | _of_bert(settings, file, _content(tokens["unk_token"]))
    return text if rebuilt == file else json.dumps(rebuilt)


def _of_bert(settings: dict[str, Any], file: dict[str, Any], unknown: str) -> dict[str, Any]:
    """The parts that transformers makes by its own defaults and the settings, whatever the file says."""
    return {
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": settings.get("tokenize_chinese_chars", True),
            "strip_accents": settings.get("strip_accents"),
            "lowercase": settings.get("do_lower_case", True),
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": file["model"]["vocab"],
        },
    }


def _cut_on_the_right(settings: dict[str, Any], file: dict[str, Any]) -> bool:
    by_default = (file.get("truncation") or {}).get("direction", "Right")
    return str(settings.get("truncation_side", by_default)).lower() == "right"


def _tokens(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key.endswith("_token") and value}


def _has_added(settings: dict[str, Any], file: dict[str, Any]) -> bool:
    """Whether the file's added tokens are those of the configuration, which replace them."""
    decoder = settings.get("added_tokens_decoder")
    of_file = {token["id"]: {key: token[key] for key in token if key != "id"} for token in file["added_tokens"]}
    return decoder is None or {int(id): token for id, token in decoder.items()} == of_file


def _has_special(file: dict[str, Any], tokens: list[Any]) -> bool:
    """Whether the file has special tokens, so that none is added."""
    special = {token["content"] for token in file["added_tokens"] if token["special"]}
    return all(_content(token) in special for token in tokens)


def _in_vocabulary(file: dict[str, Any]) -> bool:
    """Whether added tokens keep their ids where they are added again."""
    vocabulary = file["model"]["vocab"]
    return all(vocabulary.get(token["content"]) == token["id"] for token in file["added_tokens"])


def _content(token: Any) -> str:
    return str(token["content"] if isinstance(token, dict) else token)


def _optional(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_bytes())) if file.exists() else {}
