"""Reading files that a test wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from postings import Document
from postings_ingest import Rejection, read_documents
from postings_ingest.readers import Omission

GOOD = b'{"id": "good", "text": "A man is eating food."}\n'
"""A line that is read; what stands beside it in a test must not spoil it."""


def write(path: Path, content: bytes | str) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def read(path: str | Path, **options: Any) -> tuple[list[Document], list[Rejection]]:
    rejections: list[Rejection] = []
    found = list(read_documents(str(path), rejections.append, **options))
    for rejection in rejections:
        json.dumps(rejection.to_json(), ensure_ascii=False).encode()
        assert len(rejection.raw) <= 8 * 2**20
    return found, rejections


def ids_and_lines(path: str | Path) -> tuple[list[str], list[int]]:
    found, rejections = read(path)
    return [document.id for document in found], [rejection.line for rejection in rejections]


def omissions(path: str | Path) -> list[Omission]:
    """What was left out of a file or folder from which nothing is rejected."""
    found: list[Omission] = []
    rejections: list[Rejection] = []
    for _ in read_documents(str(path), rejections.append, found.append):
        pass
    assert rejections == []
    return found


def only_rejection(path: str | Path) -> Rejection:
    """The one rejection of a file that also holds the document ``GOOD``."""
    found, (rejection,) = read(path)
    assert [document.id for document in found] == ["good"]
    return rejection
