"""Where the commands print: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

from rich.console import Console

# What users named or wrote is never markup, nor are its ":words:" emoji.
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(highlight=False, soft_wrap=True, markup=False, emoji=False, stderr=True)

SHOWN = 10
"""How many of a kind are named on stderr; the others are counted."""

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Categories of Unicode that move the cursor, reorder or hide text, or end a line."""

_EMPTY = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0}
"""Characters of other categories that show nothing."""

# Persian, the scripts of India and emoji need joiners; between other characters they only hide.
_JOINER = re.compile(
    "(?<=[\u0620-\u06ff\u0750-\u077f\u0900-\u0dff\u2600-\u27bf\ufe0f\U0001f300-\U0001faff])[\u200c\u200d]"
    "(?=[\u0620-\u06ff\u0750-\u077f\u0900-\u0dff\u2600-\u27bf\U0001f300-\U0001faff])"
)


class _Visible(dict[int, str]):
    """What each character is shown as; worked out when a character first comes."""

    def __missing__(self, code: int) -> str:
        hidden = unicodedata.category(chr(code)) in _HIDDEN or code in _EMPTY
        shown = self[code] = " " if code in (9, 10) else "\N{REPLACEMENT CHARACTER}" if hidden else chr(code)
        return shown


_VISIBLE = _Visible()


def printable(text: str) -> str:
    r"""Make a text safe to print in one line: it can't end the line, move the cursor, reorder or hide what is there.

    New lines and tabs become spaces, other characters of this kind U+FFFD, one for one: offsets stay true.

    Example:
        >>> printable("a title\n 2. and a forged hit")
        'a title  2. and a forged hit'
    """
    shown = text.translate(_VISIBLE)
    if joiners := [*_JOINER.finditer(text)]:
        characters = list(shown)
        for joiner in joiners:
            characters[joiner.start()] = joiner[0]
        return "".join(characters)
    return shown


def say(line: str) -> None:
    """Print one line to stderr, whatever is in it."""
    err.print(printable(line))


def say_first(lines: Iterable[str], total: int, what: str) -> None:
    """Print the first few of many lines to stderr, and how many more there are."""
    for number, line in enumerate(lines):
        if number == SHOWN:
            break
        say(line)
    if total > SHOWN:
        say(f"… and {total - SHOWN:,} more {what}")


def print_json(data: Any) -> None:
    """Print one JSON value to stdout, the same on a terminal and in a pipe; what a terminal would obey is escaped."""
    dumped = json.dumps(data, ensure_ascii=False, indent=2)
    hidden = [each for each in set(dumped) if each != "\n" and _VISIBLE[ord(each)] != each]
    sys.stdout.write(dumped.translate({ord(each): json.dumps(each)[1:-1] for each in hidden}) + "\n")
