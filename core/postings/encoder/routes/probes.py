"""Texts on which two tokenizers or routes of a model are compared before one replaces the other."""

from __future__ import annotations

from postings.encoder.model_files.tokenizer import Tokenizer

_PROBES = [
    "a probe of the head",
    "and another, a little longer",
    "CAPITALS, Mixed Case and camelCase",
    "Zürich, naïve café, Ångström",
    "Zu\u0308rich, nai\u0308ve cafe\u0301, A\u030angstro\u0308m",
    "İstanbul ISPARTA straße ſharp ΣΊΣΥΦΟΣ",
    "東京は日本の首都です。北京大学 서울 กรุงเทพ 𠮷野家",
    "👩‍🚀 🇩🇪 👍🏽 ❤️",
    "tab\there\r\nline\x00null\x07bell\x7f\u00a0space\u200bzero\ufeffmark\u202e\u00adsoft",
    "ﬁne ½ Ⅷ ＦＵＬＬ ① ™",
    "it's don't U.S.A. 1,234.5 a_b-c/d@e.f #tag <b>&amp;</b> $5 100%",
    "  white   space \n\n around  ",
    "word" * 60,
    "",
]
_WORDS = len(" ".join(_PROBES).split())


def probes(tokenizer: Tokenizer, length: int) -> list[str]:
    """Texts with capitals, accents, scripts, emoji, control characters and special tokens; empty, and long.

    Args:
        tokenizer: whose special tokens to use.
        length: tokens of the long text, at least.
    """
    special = " ".join(f"{token} a{token}b" for token in tokenizer.added())
    # The long text doesn't repeat itself, so that the side on which it is truncated shows.
    return [*_PROBES, special[:2000], " ".join(_PROBES) * (length // _WORDS + 1)]
