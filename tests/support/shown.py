"""What a view of the page shows."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from playwright.sync_api import Locator, Page, expect

Spans = dict[str, set[int]]
"""Characters of a text by token; ``keyOf`` in ``serve/page/src/search/evidence.ts`` names them."""

_PIECES = """(element) => [...element.childNodes]
    .filter((node) => node.nodeName === "MARK" || node.nodeName === "#text")
    .map((node) => [node.textContent, node.dataset?.t ?? ""])"""

_SAID = """(main) => [...main.querySelectorAll("*")].flatMap((each) => [
    ...[...each.childNodes].filter((node) => node.nodeName === "#text").map((node) => node.data),
    ...(each.matches("input, select") ? [each.checked ? "on" : each.value] : []),
])"""


def settled(page: Page) -> Page:
    """Wait until all that the view asks for is there. Each view has a heading, as soon as it knows what it shows."""
    expect(page.locator("main h1")).to_be_attached()
    expect(page.locator('[aria-busy="true"]')).to_have_count(0)
    return page


def shown(page: Page) -> str:
    """What a view says and what its controls are set to, without how long a search took."""
    said: list[str] = settled(page).locator("main").evaluate(_SAID)
    return re.sub(r" in \n\d+\n ms", "", "\n".join(said))


def titles(page: Page) -> list[str]:
    """Of the hits, in their order."""
    return [text.strip() for text in settled(page).locator(".hit h3").all_text_contents()]


def marked(element: Locator) -> tuple[str, Spans]:
    """A text, and what is marked in it."""
    text, spans = "", defaultdict(set)
    for piece, tokens in element.evaluate(_PIECES):
        for token in tokens.split():
            spans[token] |= set(range(len(text), len(text) + len(piece)))
        text += piece
    return text, dict(spans)


def key_of(contribution: dict[str, Any]) -> str:
    """As the page names a token."""
    return f"{'w' if contribution['exact_word'] else 'm'}{contribution['index']}"


def spans_of(hit: dict[str, Any], field: str) -> Spans:
    """What the API says of a hit's text or title."""
    spans = {
        key_of(each): {at for start, end in each[field] for at in range(start, end)} for each in hit["contributions"]
    }
    return {token: characters for token, characters in spans.items() if characters}
