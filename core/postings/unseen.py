"""Characters that must not reach a terminal or a log as they are: they could forge lines, or hide or reorder text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Of Unicode: what moves the cursor, reorders or hides text, or ends a line."""

_EMPTY = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0}
"""Characters of other categories that show nothing."""


def encodable(text: str) -> str:
    r"""Escape what has no UTF-8, such as the bytes of a file name in another encoding.

    Example:
        >>> encodable("caf\udce9.jsonl:7")
        'caf\\udce9.jsonl:7'
    """
    return text.encode(errors="backslashreplace").decode()


class Replacing(dict[int, str]):
    r"""A table for ``str.translate`` that replaces such characters; worked out when a character first comes.

    Args:
        replacement: what is written for one of them.

    Example:
        >>> "a title\n\u202eforged".translate(Replacing(lambda character: "?"))
        'a title??forged'
    """

    def __init__(self, replacement: Callable[[str], str]) -> None:
        self._replacement = replacement

    def __missing__(self, code: int) -> str:
        character = chr(code)
        unseen = unicodedata.category(character) in _CATEGORIES or code in _EMPTY
        shown = self[code] = self._replacement(character) if unseen else character
        return shown
