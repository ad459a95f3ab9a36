"""How a collection and its vectors are created, by the settings."""

from __future__ import annotations

from typing import Any

from qdrant_client import models as q

from postings.index.models import CollectionModels
from postings.index.payload import TENANT, indexed_fields
from postings.index.server.model_record import record_of, words_record
from postings.settings import Settings
from postings.words.config import WORDS


def vector_parameters(settings: Settings) -> q.SparseVectorParams:
    """How a model's vectors are indexed."""
    return q.SparseVectorParams(
        index=q.SparseIndexParams(on_disk=settings.index_on_disk, datatype=q.Datatype(settings.index_datatype))
    )


def word_parameters(settings: Settings) -> q.SparseVectorParams:
    """How the words' vectors are indexed."""
    return vector_parameters(settings).model_copy(update={"modifier": q.Modifier.IDF})


def word_name_config(settings: Settings) -> q.SparseVectorNameConfig:
    """How the words' vectors are created in an existing collection."""
    datatype = q.VectorStorageDatatype(settings.index_datatype)
    return q.SparseVectorNameConfig(sparse=q.SparseVectorConfig(datatype=datatype, modifier=q.Modifier.IDF))


def vector_name_config(settings: Settings) -> q.SparseVectorNameConfig:
    """How another model's vectors are created."""
    datatype = q.VectorStorageDatatype(settings.index_datatype)
    return q.SparseVectorNameConfig(sparse=q.SparseVectorConfig(datatype=datatype))


def creation(settings: Settings, models: CollectionModels) -> dict[str, Any]:
    """The arguments of ``create_collection`` for a collection with these models."""
    replicas = settings.index_replicas
    return {
        "sparse_vectors_config": {
            **dict.fromkeys(models.names, vector_parameters(settings)),
            **({WORDS: word_parameters(settings)} if models.words else {}),
        },
        "on_disk_payload": settings.index_payload_on_disk,
        "shard_number": settings.index_shards,
        "replication_factor": replicas,
        # With a majority, reading from a quorum of the replicas always includes all acknowledged writes.
        "write_consistency_factor": replicas // 2 + 1 if replicas else None,
        "metadata": {**record_of(models), **(words_record(models.words) if models.words else {})},
    }


def payload_indexes(settings: Settings) -> dict[str, q.PayloadSchemaType | q.KeywordIndexParams]:
    """How the payload fields of a collection are indexed, by field; points of one tenant are stored together."""
    fields = indexed_fields(settings.index_fields)
    kinds: dict[str, Any] = {field: q.PayloadSchemaType(kind) for field, kind in fields.items()}
    kinds[TENANT] = q.KeywordIndexParams(type=q.KeywordIndexType.KEYWORD, is_tenant=True)
    return kinds
