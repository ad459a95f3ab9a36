"""A folder in BEIR's format: ``corpus.jsonl`` with ``_id``, ``title`` and ``text`` (queries and qrels aren't read).

BEIR: Thakur et al. 2021, https://arxiv.org/abs/2104.08663
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from postings import Document
from postings_ingest.readers import jsonl
from postings_ingest.readers.omissions import Omit
from postings_ingest.readers.rejections import Reject


def corpus(folder: str) -> str:
    """The file that holds the documents."""
    return str(Path(folder) / "corpus.jsonl")


def read(path: str, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read the corpus of a BEIR folder."""
    return jsonl.read(corpus(path), reject, omit)


def estimate(path: str) -> int | None:
    """Count the corpus."""
    return jsonl.estimate(corpus(path))
