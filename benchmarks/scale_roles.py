"""What ``benchmarks.scale`` measures in processes of their own; each function prints nothing and returns JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge
from scipy.sparse import csr_matrix

from benchmarks.memory import memory
from benchmarks.scale_data import BLOCK, SIDES, Array, Rows, pairs
from postings import EdgeIndex, Encoder, Index, Settings, SparseVector, open_index
from postings.batching import batched
from postings.documents import Passage
from postings.index import Point, SearchRequest
from postings.index.embedded.folder import disk_usage
from postings.index.payload import passage_point
from postings.index.protocol import WordQuery
from postings.words import WORDS, WordsConfig
from postings_query import SearchClient

LIMIT = 10
CALL = 256
WEIGHT = 0.5
REPEATS = 3
ALL_TERMS = 10_000
PRUNED_TO = (8, 16, 24, ALL_TERMS)
GROUPS = 10
IN_GROUP = {"must": [{"key": "metadata.group", "match": {"value": 3}}]}


def points(folder: Path, passages: int, vector_name: str, dims: int | None, start: int = 0) -> Iterator[Point]:
    """The passages as points, with the text of one of the documents that they are mixed of."""
    texts = json.loads((folder / "texts.json").read_text())["texts"]
    model, words = (Rows.load(folder, f"passages-{side}") for side in SIDES)
    for number in range(start, passages):
        block, at = divmod(number - len(texts), BLOCK)
        if number >= len(texts) and (not at or number == start):
            sources = pairs(len(texts) + block * BLOCK, len(texts))
        title, text = texts[number if number < len(texts) else sources[at][0]]
        passage = Passage(
            doc_id=str(number),
            ordinal=0,
            start=0,
            end=len(text),
            text=text,
            title=title,
            metadata={"group": number % GROUPS},
            version=1,
            passages=1,
        )
        yield passage_point(passage, {vector_name: largest(model[number], dims), WORDS: words[number]})


def largest(vector: SparseVector, dims: int | None) -> SparseVector:
    """The dims with the largest weights."""
    if dims is None or len(vector) <= dims:
        return vector
    kept = np.sort(np.argpartition(-vector.values, dims)[:dims])
    return SparseVector.unchecked(vector.indices[kept], vector.values[kept])


def exact(folder: Path, passages: int) -> dict[str, Any]:
    """Exact scoring by columns: the best passages of each query by model, by model and words, and of one group."""
    matrices = []
    began = time.perf_counter()
    for side in SIDES:
        rows = Rows.load(folder, f"passages-{side}")
        dims, indices = np.unique(np.asarray(rows.indices[: rows.offsets[passages]]), return_inverse=True)
        values = np.asarray(rows.values[: rows.offsets[passages]])
        matrix = csr_matrix((values, indices.astype(np.int32), rows.offsets[: passages + 1]), (passages, len(dims)))
        matrices.append((dims, matrix.tocsc()))
    found: dict[str, Any] = {"build": time.perf_counter() - began}
    held = [sum(each.nbytes for each in (m.data, m.indices, m.indptr)) / 1e6 for _, m in matrices]
    asked = [Rows.load(folder, f"queries-{side}") for side in SIDES]
    best: dict[str, list[list[int]]] = {"model": [], "hybrid": [], "filter": []}
    times = []
    for model, words in zip(*asked, strict=True):
        began = time.perf_counter()
        scores = _scores(*matrices[0], model, None, passages)
        top = _best(scores)
        times.append(1000 * (time.perf_counter() - began))
        best["model"].append(top)
        best["hybrid"].append(_best(scores + WEIGHT * _scores(*matrices[1], words, passages, passages)))
        best["filter"].append([int(at) * GROUPS + 3 for at in _best(scores[3::GROUPS])])
    (folder / "best.json").write_text(json.dumps(best))
    return found | {"memory": held[0], "times": times}


def _scores(dims: Array, matrix: Any, query: SparseVector, idf_of: int | None, passages: int) -> Array:
    scores = np.zeros(passages, np.float32)
    for dim, weight in zip(query.indices, query.values, strict=True):
        at = int(np.searchsorted(dims, dim))
        if at < len(dims) and dims[at] == dim:
            part = slice(matrix.indptr[at], matrix.indptr[at + 1])
            frequency = part.stop - part.start
            idf = 1.0 if idf_of is None else np.log1p((idf_of - frequency + 0.5) / (frequency + 0.5))
            scores[matrix.indices[part]] += np.float32(weight * idf) * matrix.data[part]
    return scores


def _best(scores: Array) -> list[int]:
    top = np.argpartition(-scores, LIMIT)[:LIMIT]
    return [int(at) for at in top[np.argsort(-scores[top], kind="stable")]]


def build(folder: Path, passages: int, settings: Settings, vector_name: str, dims: int | None) -> dict[str, Any]:
    """Write all passages: seconds in the index, of each tenth of them, and what the process holds at its peak."""
    seconds: list[float] = []
    before = memory("VmRSS")
    with open_index(settings) as index:
        index.ensure(vector_name, "tiny", WordsConfig(weight=WEIGHT, average_length=average_length(folder)))
        for some in batched(points(folder, passages, vector_name, dims), CALL):
            began = time.perf_counter()
            index.upsert(some)
            seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
    closing = time.perf_counter() - began
    tenths = [float(np.sum(part)) for part in np.array_split(np.array(seconds), 10)]
    found = {"build": sum(seconds) + closing, "closing": closing, "peak": memory("VmHWM") - before}
    ends = np.linspace(0, passages, 11)
    found |= {"first": float(ends[1] / tenths[0]), "last": float((ends[10] - ends[9]) / tenths[-1])}
    found |= {"median call": 1000 * float(np.median(seconds)), "slowest call": 1000 * max(seconds)}
    if settings.index_folder:
        found["disk"] = disk_usage(settings.index_folder) / 1e6
    return found


def average_length(folder: Path) -> float:
    return float(json.loads((folder / "texts.json").read_text())["average_length"])


def search(folder: Path, settings: Settings, vector_name: str) -> dict[str, Any]:
    """Open the collection, and search it in each way."""
    # Libraries and data are loaded before, so that they aren't counted.
    encoder = Encoder.load("tiny", "cpu")
    texts = json.loads((folder / "texts.json").read_text())["queries"]
    encoder.encode_queries(texts[:8])
    asked = [list(Rows.load(folder, f"queries-{side}")) for side in SIDES]
    best = json.loads((folder / "best.json").read_text())
    before, private, began = memory("VmRSS"), memory("RssAnon"), time.perf_counter()
    index = open_index(settings)
    found: dict[str, Any] = {"open": time.perf_counter() - began}

    def by(**options: Any) -> Callable[[int], list[int]]:
        return lambda at: _ids(index, SearchRequest(asked[0][at], vector_name, LIMIT, **options))

    def hybrid(at: int) -> list[int]:
        words = WordQuery(asked[1][at], WEIGHT) if len(asked[1][at]) else None
        return _ids(index, SearchRequest(asked[0][at], vector_name, LIMIT, words=words))

    ways: dict[str, tuple[Callable[[int], list[int]], str]] = {
        "model": (by(), "model"),
        "hybrid": (hybrid, "hybrid"),
        "filter": (by(filter=IN_GROUP), "filter"),
    }
    if isinstance(index, EdgeIndex):
        for terms in PRUNED_TO:
            ways[f"{terms} terms"] = (_pruned(index, asked[0], vector_name, terms, None), "model")
        ways["16 terms, 50 candidates"] = (_pruned(index, asked[0], vector_name, 16, 50), "model")
    found["ways"] = _timed(ways, best, len(texts))
    found |= {"memory": memory("VmRSS") - before, "private": memory("RssAnon") - private}
    if vector_name == encoder.fingerprint:
        found["explain"] = _explain(SearchClient(index=index, encoder=encoder), texts)
    index.close()
    return found


def _timed(
    ways: dict[str, tuple[Callable[[int], list[int]], str]], best: dict[str, list[list[int]]], queries: int
) -> dict[str, Any]:
    """Each query in each way by turns, several times over: the fastest of each, and what they found of the best."""
    taken = {way: np.full(queries, np.inf) for way in ways}
    overlap: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(REPEATS):
        for at in range(queries):
            for way, (run, wanted) in ways.items():
                began = time.perf_counter()
                ids = run(at)
                taken[way][at] = min(taken[way][at], 1000 * (time.perf_counter() - began))
                if not repeat:
                    overlap[way].append(len({*ids} & {*best[wanted][at]}) / LIMIT)
    return {way: summary(taken[way]) | {"overlap": float(np.mean(overlap[way]))} for way in ways}


def summary(times: Sequence[float] | Array) -> dict[str, float]:
    return {"p50": float(np.percentile(times, 50)), "p99": float(np.percentile(times, 99))}


def _ids(index: Index, request: SearchRequest) -> list[int]:
    return [int(hit.payload["doc_id"]) for hit in index.search(request)]


def _pruned(
    index: EdgeIndex, queries: Sequence[SparseVector], using: str, terms: int, candidates: int | None
) -> Callable[[int], list[int]]:
    """The terms of a query with the largest weights; with candidates, these are scored by all terms."""
    shard, _ = index._opened()  # noqa: SLF001

    def nearest(vector: SparseVector) -> Any:
        return edge.Query.Nearest(edge.SparseVector(vector.indices.tolist(), vector.values.tolist()), using=using)

    def run(at: int) -> list[int]:
        query = nearest(largest(queries[at], terms))
        prefetches = [edge.Prefetch(candidates, query=query)] if candidates else None
        asked = nearest(queries[at]) if candidates else query
        hits = shard.query(edge.QueryRequest(query=asked, prefetches=prefetches, limit=LIMIT, with_payload=["doc_id"]))
        return [int((hit.payload or {})["doc_id"]) for hit in hits]

    return run


def _explain(client: SearchClient, texts: Sequence[str]) -> dict[str, float]:
    """Milliseconds of a search by text, with and without an explanation, in turns."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    for text in texts[:100]:
        for explain in taken:
            began = time.perf_counter()
            client.search(text, limit=LIMIT, words=0, explain=explain)
            taken[explain].append(1000 * (time.perf_counter() - began))
    return {"without": float(np.median(taken[False])), "with": float(np.median(taken[True]))}


def rewrite(folder: Path, passages: int, settings: Settings, vector_name: str) -> dict[str, Any]:
    """Upserts to the collection that exists: 20 calls of passages that it has, each followed by a search."""
    model = Rows.load(folder, "queries-model")
    written, searched = [], []
    with open_index(settings) as index:
        some = points(folder, passages, vector_name, None, max(passages - 20 * CALL, 0))
        for at, call in enumerate(batched(some, CALL)):
            began = time.perf_counter()
            index.upsert(call)
            between = time.perf_counter()
            index.search(SearchRequest(model[at], vector_name, LIMIT))
            written.append(between - began)
            searched.append(1000 * (time.perf_counter() - between))
    return {"rate": CALL / float(np.median(written)), "search": float(np.median(searched))}
