"""Measured constants of :mod:`postings_cli.sizing`, each with the command that gave it.

The commands' tables are in ``benchmarks/results``. The embedded engine, on which sizes are measured, is Qdrant's own.
"""

from __future__ import annotations

from typing import NamedTuple

INDEXED_POSTING = {"float32": 5.3, "float16": 3.5, "uint8": 2.6}
"""Bytes of a posting in the inverted index, by the type of its weight: ``python -m benchmarks.sizing``, index."""

STORED_POSTING = 6.8
"""Bytes of a posting in the stored vectors, of which the index is made: ``python -m benchmarks.sizing``, vectors."""

CHARACTER = 1.01
"""Bytes of a character on the disk, compressed, with the rest of the payload: ``python -m benchmarks.sizing``, payload.
The texts are English: letters that take more bytes in UTF-8 take more here."""

EVIDENCE_DIM = 2.0
"""Bytes of the evidence of an active dim: ``python -m benchmarks.explain``, 442 bytes for 220 dims."""

PASSAGE_ON_DISK = 270
"""Bytes of a passage's ids and indexed fields: ``python -m benchmarks.sizing``, fields and other."""

PASSAGE_IN_MEMORY = 990
"""Bytes of memory for each passage besides its postings: ids, indexed fields, and what searches keep in the cache of
files. ``python -m benchmarks.scale``, from 20,000 to 200,000 passages."""

SHARD_IN_MEMORY = 155e6
"""Bytes of memory of a shard besides its passages: ``python -m benchmarks.scale``, the same line at no passages."""

LOG = 62e6
"""Bytes of a shard's write-ahead log: ``python -m benchmarks.sizing``, log."""


class Line(NamedTuple):
    """Milliseconds of a search in a shard: what each takes, and what a million passages add."""

    fixed: float
    million: float

    def at(self, passages: float) -> float:
        """Milliseconds in so many passages."""
        return self.fixed + self.million * passages / 1e6

    def passages(self, milliseconds: float) -> float:
        """The passages that are searched in this time."""
        return 1e6 * (milliseconds - self.fixed) / self.million


SEARCH = {"model": Line(0.6, 5.6), "hybrid": Line(2.4, 28.0)}
"""How long a search keeps a core busy, by the model alone and with exact words: ``python -m benchmarks.scale``, p50 in
20,000 and 200,000 passages. In a million it took 28 to 36 % less than the lines say."""

HYBRID = 4.5
"""How many times as long a search takes with exact words: ``python -m benchmarks.scale``, p50: 4.7 in 200,000 passages,
4.4 in a million."""

_SERVER_P99 = Line(4.7, 21.6)
SEARCH_P99 = {"model": _SERVER_P99, "hybrid": Line(HYBRID * _SERVER_P99.fixed, HYBRID * _SERVER_P99.million)}
"""The p99 on a server, which ``python -m benchmarks.scale --index-url URL`` measures. One run is known: Qdrant 1.18 by
gRPC, two cores shared with the client, 9 ms in 200,000 passages, 16 ms in 523,500. With words it is assumed."""

SERVER_POINTS = 500
"""Points a second that a server writes while it optimizes; the same run, which began with 1,600."""

QUEUE = 5 * 2**20
"""Bytes of a Redis in which nothing is queued: ``python -m benchmarks.ingest_memory``, the last row."""

QUEUED_CHARACTER = 1.24
"""Bytes of Redis for a character of a queued document: ``python -m benchmarks.ingest_memory``, 9 MiB more with 10,000
documents of 764 characters in the mean."""

VOCABULARY = 30_522
"""Tokens of BERT's English vocabulary, and so columns of the head's product."""


class Model(NamedTuple):
    """The shape of a model, and how many tokens a second one core encodes."""

    width: int
    layers: int
    tokens: float

    def operations(self, tokens: int) -> float:
        """Floating-point operations for each of so many tokens: products of the layers, attention, and the head."""
        layer = 12 * self.width**2 + 2 * tokens * self.width
        return 2.0 * (self.layers * layer + self.width**2 + VOCABULARY * self.width)


MODELS = {
    "tiny": Model(128, 2, 32_116 / 2),
    "MiniLM-L6": Model(384, 6, 3_921 / 2),
    "BERT-base": Model(768, 12, 708 / 2),
}
"""By name: ``python -m benchmarks.encode``, tokens/s of nfcorpus with onnx in float32, on two cores."""
