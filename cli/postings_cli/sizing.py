"""What a collection needs, computed from :mod:`postings_cli.measured`.

Bytes and hours grow linearly with the passages; shards, nodes and workers are rounded up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Literal, NamedTuple

from postings_cli.measured import (
    CHARACTER,
    EVIDENCE_DIM,
    INDEXED_POSTING,
    LOG,
    MODELS,
    PASSAGE_IN_MEMORY,
    PASSAGE_ON_DISK,
    QUEUE,
    QUEUED_CHARACTER,
    SEARCH,
    SEARCH_P99,
    SERVER_POINTS,
    SHARD_IN_MEMORY,
    STORED_POSTING,
)

HOUR = 3600
GPU_SHARE = 0.4
"""Of a GPU's peak that encoding reaches: assumed, no GPU has been measured. On a CPU, PyTorch's route reaches .67 to .8
of the bare matrix products (``python -m benchmarks.encode``), which stay below the peak themselves."""
NODE_SHARE = 0.75
"""Of a node's memory that is planned for: assumed. The rest is for optimizing and the system."""
QUEUE_SHARE = 0.8
"""Of its ``maxmemory`` that producers let Redis use."""
WORKER_CORES = 2
"""Of a worker without a GPU, as in ``python -m benchmarks.encode``."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for: the options of ``postings size``, which describe them.

    Example:
        >>> Demand(documents=1_000_000, passages_per_document=1.5).passages
        1500000
    """

    documents: int
    passages_per_document: float = 1
    dims: int = 200
    words: int = 50
    characters: int = 800
    tokens: int = 200
    evidence: bool = True
    datatype: Literal["float32", "float16", "uint8"] = "float32"
    on_disk: bool = False
    replicas: int = 1
    searches: int = 10
    p99: int = 200
    model: Literal["tiny", "MiniLM-L6", "BERT-base"] = "BERT-base"
    hours: int = 24
    node_memory: int = 64
    node_cores: int = 16
    gpu_tflops: int = 30
    queue_limit: int = 100_000

    @property
    def passages(self) -> int:
        """Of all documents."""
        return ceil(self.documents * self.passages_per_document)

    @property
    def postings(self) -> int:
        """The dims and words of all passages."""
        return self.passages * (self.dims + self.words)

    @property
    def way(self) -> str:
        """Of searching: a key of :data:`~postings_cli.measured.SEARCH`."""
        return "hybrid" if self.words else "model"


class Figure(NamedTuple):
    """A figure, and in words where it comes from: the same for every number of documents."""

    name: str
    value: float
    unit: Literal["bytes", "h", "s", "number"]
    how: str


def sizes(demand: Demand) -> list[Figure]:
    """All figures.

    Example:
        >>> {each.name: each.value for each in sizes(Demand(documents=1_000_000))}["shards"]
        1
    """
    shards, nodes = _shards(demand), _nodes(demand)
    return [*_stored(demand, shards), *_searched(demand, shards, nodes), *_filled(demand, nodes)]


def replicas_wanted(demand: Demand) -> int:
    """Replicas so that every node holds a shard: those of the demand, or more where searches need many cores.

    Example:
        >>> replicas_wanted(Demand(documents=1_000_000, searches=5_000))
        10
    """
    return ceil(_nodes(demand) / _shards(demand))


def _stored(demand: Demand, shards: int) -> Iterator[Figure]:
    yield Figure("passages", demand.passages, "number", "documents x passages of a document")
    yield from _in_memory(demand, shards)
    yield Figure("memory_total", _memory(demand, shards), "bytes", "the sum of these x replicas")
    yield from _on_disk(demand, shards)
    yield Figure("disk_total", _disk(demand, shards), "bytes", "the sum of these x replicas")


def _in_memory(demand: Demand, shards: int) -> list[Figure]:
    posting = f"{INDEXED_POSTING[demand.datatype]} bytes for each dim and word of a passage, as {demand.datatype}"
    passage = f"{PASSAGE_IN_MEMORY} bytes a passage: ids, indexed fields, cached texts"
    index, how = (0, "on the disk") if demand.on_disk else (_index(demand), posting)
    return [
        Figure("memory_index", index, "bytes", how),
        Figure("memory_passages", demand.passages * PASSAGE_IN_MEMORY, "bytes", passage),
        Figure("memory_shards", shards * SHARD_IN_MEMORY, "bytes", f"{SHARD_IN_MEMORY / 1e6:.0f} MB a shard"),
    ]


def _on_disk(demand: Demand, shards: int) -> list[Figure]:
    passages = demand.passages
    evidence = passages * demand.dims * EVIDENCE_DIM * demand.evidence
    evident = f"{EVIDENCE_DIM} bytes a dim" if demand.evidence else "not stored"
    passage = f"{PASSAGE_ON_DISK} bytes a passage: ids and indexed fields"
    return [
        Figure("disk_index", _index(demand), "bytes", f"{INDEXED_POSTING[demand.datatype]} bytes a dim and word"),
        Figure("disk_vectors", demand.postings * STORED_POSTING, "bytes", f"{STORED_POSTING} bytes a dim and word"),
        Figure("disk_text", passages * demand.characters * CHARACTER, "bytes", f"{CHARACTER} bytes a character"),
        Figure("disk_evidence", evidence, "bytes", evident),
        Figure("disk_passages", passages * PASSAGE_ON_DISK, "bytes", passage),
        Figure("disk_logs", shards * LOG, "bytes", f"{LOG / 1e6:.0f} MB a shard, written ahead"),
    ]


def _searched(demand: Demand, shards: int, nodes: int) -> Iterator[Figure]:
    cores = f"for {demand.searches} searches a second, and at least one a shard"
    node = f"{demand.node_memory} GB, of which {NODE_SHARE:.0%} are planned for, and {demand.node_cores} cores"
    yield Figure("shards", shards, "number", f"the fewest that fit into a node and have a p99 of {demand.p99} ms")
    yield Figure("replicas", demand.replicas, "number", "as asked")
    yield Figure("search_seconds", _search_seconds(demand), "s", "of one core: the p50 of all shards, added up")
    yield Figure("search_cores", _search_cores(demand), "number", cores)
    yield Figure("nodes", nodes, "number", node)
    yield Figure("per_node_memory", _memory(demand, shards) / nodes, "bytes", "memory total / nodes")
    yield Figure("per_node_disk", _disk(demand, shards) / nodes, "bytes", "disk total / nodes; leave as much free")


def _filled(demand: Demand, nodes: int) -> Iterator[Figure]:
    model, tokens = MODELS[demand.model], demand.passages * demand.tokens
    core_hours = tokens / model.tokens / HOUR
    operations = model.operations(demand.tokens)
    gpu_hours = tokens * operations / (demand.gpu_tflops * 1e12 * GPU_SHARE) / HOUR
    points = demand.passages * demand.replicas
    queued = demand.queue_limit * demand.passages_per_document * demand.characters * QUEUED_CHARACTER
    time = f"done in {demand.hours} h"
    gpu = f"{operations / 1e9:.2g} GFLOP a token, {GPU_SHARE:.0%} of {demand.gpu_tflops} TFLOPS"
    redis = (
        f"maxmemory, of which producers fill {QUEUE_SHARE:.0%}: {QUEUED_CHARACTER} bytes a character of "
        f"{demand.queue_limit:,} documents"
    )
    yield Figure("core_hours", core_hours, "h", f"{demand.model}: {model.tokens:,.0f} tokens a second and core")
    yield Figure("cpu_workers", ceil(core_hours / WORKER_CORES / demand.hours), "number", f"of two cores, {time}")
    yield Figure("gpu_hours", gpu_hours, "h", f"derived, not measured: {gpu}")
    yield Figure("gpu_workers", ceil(gpu_hours / demand.hours), "number", f"of one GPU, {time}; derived")
    yield Figure("writing_hours", points / (SERVER_POINTS * nodes) / HOUR, "h", f"{SERVER_POINTS} points/s and node")
    yield Figure("redis", (QUEUE + queued) / QUEUE_SHARE, "bytes", redis)


def _index(demand: Demand) -> float:
    return demand.postings * INDEXED_POSTING[demand.datatype]


def _memory(demand: Demand, shards: int) -> float:
    return demand.replicas * sum(each.value for each in _in_memory(demand, shards))


def _disk(demand: Demand, shards: int) -> float:
    return demand.replicas * sum(each.value for each in _on_disk(demand, shards))


def _usable(demand: Demand) -> float:
    return 1e9 * demand.node_memory * NODE_SHARE


def _shards(demand: Demand) -> int:
    passages = _memory(demand, 0) / demand.replicas
    by_memory = passages / (_usable(demand) - SHARD_IN_MEMORY)
    by_time = demand.passages / SEARCH_P99[demand.way].passages(demand.p99)
    return max(1, ceil(by_memory), ceil(by_time))


def _nodes(demand: Demand) -> int:
    by_memory = _memory(demand, _shards(demand)) / _usable(demand)
    by_cores = _search_cores(demand) / demand.node_cores
    return max(demand.replicas, ceil(by_memory), ceil(by_cores))


def _search_seconds(demand: Demand) -> float:
    shards = _shards(demand)
    return shards * SEARCH[demand.way].at(demand.passages / shards) / 1000


def _search_cores(demand: Demand) -> int:
    return max(_shards(demand), ceil(demand.searches * _search_seconds(demand)))
