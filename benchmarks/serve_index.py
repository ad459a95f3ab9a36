"""What :mod:`benchmarks.serve` searches: one collection for the service, the same for its peers, and queries."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from qdrant_client import QdrantClient, models

from benchmarks.data import present
from postings import Document, Encoder, Index, Settings, SparseVector, open_index
from postings.batching import batched
from postings.index import Point
from postings_ingest import Pipeline
from postings_training import load_beir

SETS = ("wikiqa", "squad_dev", "scitldr", "scifact")
COLLECTION = Settings().collection
LOCAL = "local"
SHARD = f"edge/{COLLECTION}"
VECTOR = "splade"
FIELDS = ("doc_id", "title", "text", "metadata")
QUERIES = 4000
SEED = 20_261
_BATCH = 500


def make(folder: Path, data: Path, documents: int) -> int:
    """Make what isn't in a folder yet; returns the number of passages."""
    queries = folder / "queries.txt"
    with open_index(Settings(index_url=str(folder / "index"), collection=COLLECTION)) as index:
        if not queries.exists():
            Pipeline(Encoder.load("tiny", "cpu"), index).run(itertools.islice(_documents(data), documents))
            _copy_to_local_mode(folder, index)
        passages = index.count()
    if not queries.exists():
        shutil.copytree(folder / "index", folder / "edge")
        queries.write_text("\n".join(_queries(data)), encoding="utf-8")
    return passages


def _documents(data: Path) -> Iterator[Document]:
    for name in SETS:
        with (present(data / name) / "corpus.jsonl").open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row["text"].strip():
                    yield Document(f"{name}-{row['_id']}", row["text"], title=row["title"], metadata={"set": name})


def _queries(data: Path) -> list[str]:
    """Questions about the documents, in an order that mixes the sets."""
    found = {" ".join(query.split()) for name in SETS for query in load_beir(data / name).queries.values()}
    return random.Random(SEED).sample(sorted(found), min(QUERIES, len(found)))


def _copy_to_local_mode(folder: Path, index: Index) -> None:
    client = QdrantClient(path=str(folder / LOCAL))
    client.create_collection(LOCAL, vectors_config={}, sparse_vectors_config={VECTOR: models.SparseVectorParams()})
    name = index.models().active
    for points in batched(index.scroll(fields=FIELDS, vectors=[name]), _BATCH):
        client.upsert(LOCAL, [_local_point(point, point.vectors[name]) for point in points])
    client.close()


def _local_point(point: Point, vector: SparseVector) -> models.PointStruct:
    sparse = models.SparseVector(indices=vector.indices.tolist(), values=vector.values.tolist())
    return models.PointStruct(id=point.id, vector={VECTOR: sparse}, payload=dict(point.payload))
