"""The corpus of a folder in BEIR's format: ``corpus.jsonl`` with ``_id``, ``title`` and ``text``.

BEIR: Thakur et al. 2021, https://arxiv.org/abs/2104.08663
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from postings import Document
from postings_ingest.readers import jsonl
from postings_ingest.readers.omissions import Omit
from postings_ingest.readers.rejections import Reject
from postings_ingest.readers.sources import COMPRESSIONS, Source


def corpus(folder: str) -> str | None:
    """The file that holds the documents: ``corpus.jsonl``, possibly compressed; ``None`` if there is none."""
    names = (Path(folder) / f"corpus.jsonl{compression}" for compression in ("", *COMPRESSIONS))
    return next((str(name) for name in names if name.is_file()), None)


def read(source: Source, reject: Reject, omit: Omit) -> Iterator[Document]:
    """Read the corpus of a BEIR folder; its queries and qrels are ignored."""
    return jsonl.read(_corpus(source), reject, omit)


def fields(source: Source) -> list[str]:
    """The fields of the corpus."""
    return jsonl.fields(_corpus(source))


def estimate(source: Source) -> int | None:
    """Count the documents of the corpus."""
    return jsonl.estimate(_corpus(source))


def _corpus(source: Source) -> Source:
    return replace(source, path=corpus(source.path) or source.path)
