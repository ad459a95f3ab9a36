"""The peer of :mod:`benchmarks.serve`: search over HTTP as one would write it with FastAPI in an afternoon.

    python -m benchmarks.serve_peer PORT ENGINE FOLDER

A plain handler, in FastAPI's threads, around ``SparseEncoder.encode_query`` and an index. ENGINE is ``local`` for
qdrant-client's local mode, or ``edge`` for the engine that Postings uses, on a copy of the same collection. An
explanation is the product of the query's vector with those of the hits, which are encoded again; one at a time, as the
logits of 32 requests take more memory than a machine has.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import qdrant_edge as edge
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from qdrant_client import QdrantClient, models
from sentence_transformers import SparseEncoder

from benchmarks.serve_index import FIELDS, LOCAL, SHARD, VECTOR
from postings.encoder.model_files.location import BUNDLED
from postings.index.embedded.folder import models_of

Found: TypeAlias = Iterator[tuple[float, dict[str, Any]]]
Search: TypeAlias = Callable[[list[int], list[float], int], Found]


class Query(BaseModel):
    query: str
    limit: int = 10
    explain: bool = False


class Contribution(BaseModel):
    token: str
    contribution: float


class Hit(BaseModel):
    id: str
    score: float
    title: str
    text: str
    metadata: dict[str, Any]
    contributions: list[Contribution] = []


class Answer(BaseModel):
    hits: list[Hit]


def local(folder: Path) -> Search:
    """Search by qdrant-client's local mode."""
    client = QdrantClient(path=str(folder / LOCAL), force_disable_check_same_thread=True)

    def search(indices: list[int], values: list[float], limit: int) -> Found:
        vector = models.SparseVector(indices=indices, values=values)
        for point in client.query_points(LOCAL, query=vector, using=VECTOR, limit=limit).points:
            yield point.score, point.payload or {}

    return search


def embedded(folder: Path) -> Search:
    """Search by Qdrant's engine in this process."""
    shard = edge.EdgeShard.load(str(folder / SHARD / "shard"))
    name = models_of(folder / SHARD).active

    def search(indices: list[int], values: list[float], limit: int) -> Found:
        query = edge.Query.Nearest(edge.SparseVector(indices, values), using=name)
        for point in shard.query(edge.QueryRequest(query=query, limit=limit, with_payload=list(FIELDS))):
            yield point.score, point.payload or {}

    return search


def app(encoder: SparseEncoder, found: Search) -> FastAPI:
    api, explaining = FastAPI(), Lock()

    @api.post("/v1/search")
    def search(query: Query) -> Answer:
        vector = encoder.encode_query(query.query, show_progress_bar=False).coalesce()
        points = found(vector.indices()[0].tolist(), vector.values().tolist(), query.limit)
        hits = [
            Hit(id=row["doc_id"], score=score, title=row["title"], text=row["text"], metadata=row["metadata"])
            for score, row in points
        ]
        if query.explain and hits:
            texts = [f"{hit.title} {hit.text}".strip() for hit in hits]
            with explaining:
                shared = encoder.intersection(vector, encoder.encode_document(texts, show_progress_bar=False))
            for hit, tokens in zip(hits, encoder.decode(shared), strict=True):
                hit.contributions = [Contribution(token=token, contribution=weight) for token, weight in tokens]
        return Answer(hits=hits)

    return api


def main() -> None:
    port, engine, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    search = {"local": local, "edge": embedded}[engine](folder)
    encoder = SparseEncoder(str(BUNDLED / "tiny"), device="cpu")
    uvicorn.run(app(encoder, search), port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
