"""From documents to passages that fit the encoder's window, on sentence borders."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from postings import Document, Encoder, Passage
from postings.passages import title_tokens

# A sentence ends at closing punctuation before white space (none is needed in CJK), a paragraph at an empty line.
_SENTENCE_END = re.compile(r"""[.!?…]+["'”’)\]]*\s+|[。！？]+[」』”]*\s*|\n[ \t]*\n\s*""")


def split(document: Document, encoder: Encoder, *, version: int, tokens: int, overlap: int) -> list[Passage]:
    """Cut a document into passages.

    Args:
        document: what to cut; a short one becomes one passage.
        encoder: whose tokens count.
        version: the document's version, or its time of arrival.
        tokens: tokens that a passage may have, with the title that is encoded in front of it.
        overlap: tokens that neighbours may share. An overlap begins on a sentence border, so it is often less;
            only a sentence longer than a whole passage is cut between words.

    Returns:
        Passages in order, whose texts are slices of the document's and cover every token of it.
    """
    room = max(tokens - title_tokens(encoder, document.title), 1)
    spans = _spans(document.text, encoder.offsets(document.text), room, min(overlap, room // 2))
    return [
        Passage(
            doc_id=document.id,
            ordinal=ordinal,
            start=start,
            end=end,
            text=document.text[start:end],
            title=document.title,
            metadata=document.metadata,
            version=version,
            passages=len(spans),
        )
        for ordinal, (start, end) in enumerate(spans)
    ]


def _spans(text: str, offsets: npt.NDArray[np.int64], room: int, overlap: int) -> list[tuple[int, int]]:
    count = len(offsets)
    if count <= room:
        return [(0, len(text))]
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    sentences = np.unique(np.searchsorted(offsets[:, 0], ends))
    words = np.flatnonzero(offsets[1:, 0] > offsets[:-1, 1]) + 1
    spans: list[tuple[int, int]] = []
    first = 0
    while True:
        last = first + room
        if last >= count:
            spans.append((int(offsets[first, 0]), int(offsets[-1, 1])))
            return spans
        borders = sentences
        border = _last_within(sentences, first, last)
        if border is None:
            borders = words
            border = _last_within(words, first, last)
        border = border or last
        spans.append((int(offsets[first, 0]), int(offsets[border - 1, 1])))
        first = _first_within(borders, max(border - overlap, first + 1), border)


def _last_within(borders: npt.NDArray[np.int64], after: int, upto: int) -> int | None:
    position = int(np.searchsorted(borders, upto, side="right")) - 1
    return int(borders[position]) if position >= 0 and borders[position] > after else None


def _first_within(borders: npt.NDArray[np.int64], at_least: int, otherwise: int) -> int:
    position = int(np.searchsorted(borders, at_least))
    return min(int(borders[position]), otherwise) if position < len(borders) else otherwise
