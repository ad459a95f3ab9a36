"""The real worker, with faults that files in a folder switch on: ``celery -A tests.support.faulty_app worker``.

``poison``: a text with the word POISON kills the process while it is encoded, as a crash in native code would.
``hang``: a text with the word HANG takes ten minutes. ``broken``: no text can be encoded. ``index``: the index can't
be reached. ``rejecting``: it refuses everything; ``refusing``: texts with the word REFUSED. ``stuck``: writing a text
with the word STUCK takes ten minutes. A text with the word SLOW takes four seconds.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from postings import EdgeIndex, Encoder
from postings.errors import IndexRejected, IndexUnavailable
from postings.index.server import ServerIndex
from postings_ingest.app import app

FAULTS = Path(os.environ["POSTINGS_TEST_FAULTS"])

_encode = Encoder.encode_documents


def may_fail(encode: Callable[..., Any]) -> Callable[..., Any]:
    def encode_documents(self: Encoder, texts: Iterable[str], check: Callable[[], object] = bool) -> Any:
        texts = list(texts)
        if any("POISON" in text for text in texts) and (FAULTS / "poison").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if any("HANG" in text for text in texts) and (FAULTS / "hang").exists():
            time.sleep(600)
        if any("SLOW" in text for text in texts):
            for _ in range(8):  # slow, but it gets on
                time.sleep(0.5)
                _encode(self, ["a"])
        if (FAULTS / "broken").exists():
            raise RuntimeError("CUDA error: unspecified launch failure")
        return encode(self, texts, check)

    return encode_documents


def may_be_away(upsert: Callable[..., None]) -> Callable[..., None]:
    def upsert_or_fail(*arguments: Any, **options: Any) -> None:
        texts = [point.payload.get("text", "") for point in arguments[1]]
        if any("STUCK" in text for text in texts) and (FAULTS / "stuck").exists():
            time.sleep(600)
        if any("REFUSED" in text for text in texts) and (FAULTS / "refusing").exists():
            raise IndexRejected("the index doesn't take this text: a test made it so")
        if (FAULTS / "index").exists():
            raise IndexUnavailable("the index is away: a test took it")
        if (FAULTS / "rejecting").exists():
            raise IndexRejected("the index takes nothing: a test made it so")
        upsert(*arguments, **options)

    return upsert_or_fail


for method in ("encode_documents", "encode_for_storage", "encode_and_measure"):
    setattr(Encoder, method, may_fail(getattr(Encoder, method)))
EdgeIndex.upsert = may_be_away(EdgeIndex.upsert)  # type: ignore[method-assign]
ServerIndex.upsert = may_be_away(ServerIndex.upsert)  # type: ignore[method-assign]

__all__ = ["app"]
