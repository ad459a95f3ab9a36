"""The tokenizer that transformers makes from a model's files, worked out without transformers.

transformers doesn't always take ``tokenizer.json`` as it is: for some models it rebuilds the tokenizer from the
vocabulary and ``tokenizer_config.json``, and for all it adds the special tokens of the configuration. This module
knows the rules for BERT's tokenizer and for the plain one, which isn't rebuilt. For any other, only transformers
itself can tell.
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
# In config.json; they may choose another tokenizer.
_CLASS_KEYS = ("model_type", "tokenizer_class", "auto_map")
_LARGE = 100_000  # tokens; in larger vocabularies, transformers may correct a regular expression

# Settings that don't change the ids of a text that is truncated on the right and has no special tokens around it.
_NEUTRAL = {
    *("backend", "clean_up_tokenization_spaces", "do_basic_tokenize", "is_local", "local_files_only", "max_length"),
    *("model_input_names", "model_max_length", "name_or_path", "never_split", "pad_to_multiple_of", "padding_side"),
    *("pad_token_type_id", "special_tokens_map_file", "stride", "tokenizer_class", "tokenizer_file"),
    *("truncation_side", "truncation_strategy", "added_tokens_decoder"),  # these two are checked separately
}


def as_transformers_loads(folder: Path) -> str | None:
    """The tokenizer that transformers loads from a folder, in the format of ``tokenizer.json``.

    Special tokens around a text aren't considered.

    Returns:
        The tokenizer; ``None`` if only transformers can tell.

    Raises:
        ValueError: a file isn't JSON.
        KeyError: a part of ``tokenizer.json`` is missing.
    """
    text = (folder / "tokenizer.json").read_text(encoding="utf-8") if (folder / "tokenizer.json").exists() else "{}"
    file, settings = json.loads(text), _optional(folder / "tokenizer_config.json")
    name = str(settings.get("tokenizer_class")).removesuffix("Fast")
    config = _optional(folder / "config.json")
    if not file or name not in _BERT | _PLAIN or any(config.get(each) for each in _CLASS_KEYS):
        return None
    tokens = _tokens(settings)
    others = settings.keys() - tokens.keys() - _NEUTRAL
    if name in _BERT:
        others -= {"do_lower_case", "strip_accents", "tokenize_chinese_chars"}
        tokens = _BERT_TOKENS | tokens
    # Settings that are empty or false are transformers' defaults.
    if any(settings[key] for key in others) or not _truncates_right(settings, file):
        return None
    if (folder / "added_tokens.json").exists() or not _has_added_tokens(settings, file):
        return None
    further = _optional(folder / "special_tokens_map.json")
    if any(further[key] for key in further.keys() - _tokens(further).keys()):
        return None
    if not _has_special_tokens(file, [*tokens.values(), *_tokens(further).values()]):
        return None
    if name in _PLAIN:
        return text if len(file["model"]["vocab"]) <= _LARGE else None
    if file["model"]["type"] != "WordPiece" or not _in_vocabulary(file):
        return None
    rebuilt = file | _bert_parts(settings, file, _content(tokens["unk_token"]))
    return text if rebuilt == file else json.dumps(rebuilt)


def _bert_parts(settings: dict[str, Any], file: dict[str, Any], unknown: str) -> dict[str, Any]:
    """The parts of the file that transformers replaces, from its defaults and the settings."""
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


def _truncates_right(settings: dict[str, Any], file: dict[str, Any]) -> bool:
    by_default = (file.get("truncation") or {}).get("direction", "Right")
    return str(settings.get("truncation_side", by_default)).lower() == "right"


def _tokens(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key.endswith("_token") and value}


def _has_added_tokens(settings: dict[str, Any], file: dict[str, Any]) -> bool:
    """Whether the file's added tokens equal those of the configuration, which would replace them."""
    decoder = settings.get("added_tokens_decoder")
    of_file = {token["id"]: {key: token[key] for key in token if key != "id"} for token in file["added_tokens"]}
    return decoder is None or {int(id): token for id, token in decoder.items()} == of_file


def _has_special_tokens(file: dict[str, Any], tokens: list[Any]) -> bool:
    """Whether the file already has these special tokens, so that none is added."""
    special = {token["content"] for token in file["added_tokens"] if token["special"]}
    return all(_content(token) in special for token in tokens)


def _in_vocabulary(file: dict[str, Any]) -> bool:
    """Whether the added tokens keep their ids when they are added again."""
    vocabulary = file["model"]["vocab"]
    return all(vocabulary.get(token["content"]) == token["id"] for token in file["added_tokens"])


def _content(token: Any) -> str:
    return str(token["content"] if isinstance(token, dict) else token)


def _optional(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_bytes())) if file.exists() else {}
