"""Cutting documents into passages that fit the encoder's window, at the ends of sentences."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from postings import Document, Encoder, Passage
from postings.passages import title_tokens

# A sentence ends at closing punctuation before white space (not needed in Chinese and Japanese), a paragraph at an
# empty line. One dot is enough for the end of "...": a `+` would take quadratic time on a row of dots.
_SENTENCE_END = re.compile(r"""[.!?…]["'”’)\]]*\s+|[。！？]+[」』”]*\s*|\n[ \t]*\n\s*""")


def split(document: Document, encoder: Encoder, *, version: int, tokens: int, overlap: int) -> list[Passage]:
    """Cut a document into passages.

    Args:
        document: the document; a short one becomes one passage.
        encoder: the encoder whose tokens are counted.
        version: the document's version, or its time of arrival.
        tokens: tokens of a passage at most, including the title that is encoded in front of it. The text gets at least
            half of them, so a passage with a long title may have more, but still fits the encoder's window.
        overlap: tokens that neighboring passages share at most. An overlap begins with a sentence, so it is often
            shorter. Only a sentence that is longer than a whole passage is cut between words.

    Returns:
        Passages in order. Their texts are slices of the document's text, and together hold all its tokens; what is
        between them, and around, is in ``before`` and ``after``.
    """
    room = max(tokens - title_tokens(encoder, document.title), tokens // 2, 1)
    text = document.text
    spans = _Text(text, encoder, room).spans(min(overlap, room // 2))
    ends = [0, *(end for _, end in spans)]
    return [
        Passage(
            doc_id=document.id,
            ordinal=ordinal,
            start=start,
            end=end,
            text=text[start:end],
            title=document.title,
            metadata=document.metadata,
            version=version,
            passages=len(spans),
            before=text[ends[ordinal] : start],
            after=text[end:] if ordinal == len(spans) - 1 else "",
        )
        for ordinal, (start, end) in enumerate(spans)
    ]


class _Text:
    def __init__(self, text: str, encoder: Encoder, room: int) -> None:
        self._text, self._encoder, self._room = text, encoder, room
        self._offsets = offsets = encoder.offsets(text)
        self._sentences = np.unique(
            np.searchsorted(offsets[:, 0], [match.end() for match in _SENTENCE_END.finditer(text)])
        )
        self._words = np.flatnonzero(offsets[1:, 0] > offsets[:-1, 1]) + 1

    def spans(self, overlap: int) -> list[tuple[int, int]]:
        count = len(self._offsets)
        if count <= self._room:
            return [(0, len(self._text))]
        spans: list[tuple[int, int]] = []
        first = last = 0
        while last < count:
            borders, border = self._cut(first)
            if border <= last:
                # What follows doesn't fit after the overlap, so the passage would be the overlap alone: begin without.
                first = last
                borders, border = self._cut(first)
            spans.append(self._characters(first, border))
            last = border
            first = _first_within(borders, max(last - overlap, first + 1), last)
        return spans

    def _cut(self, first: int) -> tuple[npt.NDArray[np.int64], int]:
        """The borders that the passage beginning at token ``first`` may end at, and the one where it ends."""
        limit = first + self._room
        while True:
            borders, border = self._border(first, limit)
            start, end = self._characters(first, border)
            # Tokenized alone, a slice may have more tokens: at its beginning, or where a word is cut.
            surplus = len(self._encoder.offsets(self._text[start:end])) - self._room
            if surplus <= 0 or border == first + 1:
                return borders, border
            limit = max(border - surplus, first + 1)

    def _border(self, first: int, limit: int) -> tuple[npt.NDArray[np.int64], int]:
        if limit >= len(self._offsets):
            return self._sentences, len(self._offsets)
        border = _last_within(self._sentences, first, limit)
        if border is not None:
            return self._sentences, border
        return self._words, _last_within(self._words, first, limit) or limit

    def _characters(self, first: int, border: int) -> tuple[int, int]:
        """The characters of the tokens ``first..border - 1``, and those after the last that the tokenizer skips."""
        start, end = int(self._offsets[first, 0]), int(self._offsets[border - 1, 1])
        until = int(self._offsets[border, 0]) if border < len(self._offsets) else len(self._text)
        return start, max(end, start + len(self._text[start:until].rstrip()))


def _last_within(borders: npt.NDArray[np.int64], after: int, upto: int) -> int | None:
    position = int(np.searchsorted(borders, upto, side="right")) - 1
    return int(borders[position]) if position >= 0 and borders[position] > after else None


def _first_within(borders: npt.NDArray[np.int64], at_least: int, otherwise: int) -> int:
    position = int(np.searchsorted(borders, at_least))
    return min(int(borders[position]), otherwise) if position < len(borders) else otherwise
