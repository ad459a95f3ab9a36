"""Where the commands print: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console

from postings.unprintable import UnprintableTable

# What users named or wrote is never markup, nor are its ":words:" emoji.
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(highlight=False, soft_wrap=True, markup=False, emoji=False, stderr=True)

SHOWN = 10
"""How many of a kind are named on stderr; the others are counted."""
STOPPED = "interrupted"
"""What is said of Ctrl-C, on stderr and as the ``error`` of a report."""

# Persian, the scripts of India and emoji need joiners; between other characters they only hide.
_JOINER = re.compile(
    "(?<=[\u0620-\u06ff\u0750-\u077f\u0900-\u0dff\u2600-\u27bf\ufe0f\U0001f300-\U0001faff])[\u200c\u200d]"
    "(?=[\u0620-\u06ff\u0750-\u077f\u0900-\u0dff\u2600-\u27bf\U0001f300-\U0001faff])"
)


_VISIBLE = UnprintableTable(lambda character: " " if character in "\t\n" else "\N{REPLACEMENT CHARACTER}")


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
    _print_json(data, indent=2)


def print_json_line(data: Any) -> None:
    """Print one JSON value to stdout in a line of its own, as :func:`print_json` does."""
    _print_json(data, indent=None)


def _print_json(data: Any, indent: int | None) -> None:
    # Where stdout isn't UTF-8, letters that it lacks are written as \xe9, which isn't JSON; \u00e9 is.
    all_letters = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    dumped = json.dumps(data, ensure_ascii=not all_letters, indent=indent)
    hidden = [each for each in set(dumped) if each != "\n" and _VISIBLE[ord(each)] != each]
    sys.stdout.write(dumped.translate({ord(each): json.dumps(each)[1:-1] for each in hidden}) + "\n")
