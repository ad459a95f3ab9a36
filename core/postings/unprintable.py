"""Characters that must not reach a terminal or a log: they could forge lines, or hide or reorder text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories of characters that move the cursor, reorder or hide text, or end a line."""

_INVISIBLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0}
"""Characters of other categories that are invisible."""


def escape_surrogates(text: str) -> str:
    r"""Escape characters that can't be encoded in UTF-8, such as the bytes of a file name in another encoding.

    Example:
        >>> escape_surrogates("caf\udce9.jsonl:7")
        'caf\\udce9.jsonl:7'
    """
    return text.encode(errors="backslashreplace").decode()


class UnprintableTable(dict[int, str]):
    r"""A table for ``str.translate`` that replaces unprintable characters; filled as characters occur.

    Args:
        replacement: returns what replaces a character.

    Example:
        >>> "a title\n\u202eforged".translate(UnprintableTable(lambda character: "?"))
        'a title??forged'
    """

    def __init__(self, replacement: Callable[[str], str]) -> None:
        self._replacement = replacement

    def __missing__(self, code: int) -> str:
        character = chr(code)
        unprintable = unicodedata.category(character) in _CATEGORIES or code in _INVISIBLE
        shown = self[code] = self._replacement(character) if unprintable else character
        return shown
