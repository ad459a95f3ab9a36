"""The real worker, with faults that files in a folder switch on: ``celery -A tests.support.faulty_app worker``.

``poison``: a text with the word POISON kills the process while it is encoded, as a crash in native code would.
``hang``: a text with the word HANG takes a minute. ``index``: the index can't be reached.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from postings import EdgeIndex, Encoder, SparseVector
from postings.errors import IndexUnavailable
from postings_ingest.app import app

FAULTS = Path(os.environ["POSTINGS_TEST_FAULTS"])

_encode, _upsert = Encoder.encode_documents, EdgeIndex.upsert


def encode_documents(self: Encoder, texts: Sequence[str]) -> list[SparseVector]:
    if any("POISON" in text for text in texts) and (FAULTS / "poison").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if any("HANG" in text for text in texts) and (FAULTS / "hang").exists():
        time.sleep(60)
    return _encode(self, texts)


def upsert(self: EdgeIndex, *arguments: Any, **options: Any) -> None:
    if (FAULTS / "index").exists():
        raise IndexUnavailable("the index is away: a test took it")
    _upsert(self, *arguments, **options)


Encoder.encode_documents = encode_documents  # type: ignore[method-assign]
EdgeIndex.upsert = upsert  # type: ignore[method-assign]

__all__ = ["app"]
