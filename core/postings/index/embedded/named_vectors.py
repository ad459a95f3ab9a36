"""The named vectors of an embedded collection, one for each model."""

from __future__ import annotations

import json
from pathlib import Path

import qdrant_edge as edge

from postings.errors import ConfigurationError
from postings.index.embedded.folder import CONFIG, replace_json, write_models
from postings.index.models import CollectionModels
from postings.words.config import WORDS

_DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}


def checked_datatype(name: str) -> edge.VectorStorageDatatype:
    """The data type of this name.

    Raises:
        ConfigurationError: there is no such data type.
    """
    if name not in list(_DATATYPES):
        raise ConfigurationError(f"expected a datatype of {', '.join(_DATATYPES)}, got {name!r:.100}")
    return _DATATYPES[name]


def vector_parameters(
    models: CollectionModels, datatype: edge.VectorStorageDatatype, *, on_disk: bool
) -> dict[str, edge.EdgeSparseVectorParams]:
    """How the vectors of a new collection are indexed, by name."""
    memory = edge.Memory.Cold if on_disk else edge.Memory.Cached
    vectors = {name: edge.EdgeSparseVectorParams(datatype=datatype, memory=memory) for name in models.names}
    if models.words:
        vectors[WORDS] = edge.EdgeSparseVectorParams(datatype=datatype, memory=memory, modifier=edge.Modifier.Idf)
    return vectors


def add_words(shard: edge.EdgeShard, datatype: edge.VectorStorageDatatype) -> None:
    """Create the named vector of the words."""
    shard.update(edge.UpdateOperation.create_sparse_vector(WORDS, edge.Modifier.Idf, datatype))
    shard.flush()


def add_vector(
    folder: Path, shard: edge.EdgeShard, models: CollectionModels, added: str, datatype: edge.VectorStorageDatatype
) -> None:
    """Create the named vector of a model, and record it."""
    # A crash while a model was dropped may have left its vectors.
    shard.update(edge.UpdateOperation.delete_vector_name(added))
    shard.update(edge.UpdateOperation.create_sparse_vector(added, datatype=datatype))
    # The record is durable at once, so the vector must be durable before it.
    shard.flush()
    write_models(folder, models)


def drop_vector(shard: edge.EdgeShard, dropped: str) -> None:
    """Delete the named vector of a model that is no longer recorded."""
    shard.update(edge.UpdateOperation.delete_vector_name(dropped))
    shard.flush()


def forget_unrecorded(folder: Path, models: CollectionModels) -> bool:
    """Take the vectors that aren't recorded out of the engine's files; whether there were any.

    The engine notes a vector in one file after the other, and opens no collection whose files differ, such as a killed
    process leaves. The record is right: it is written last when a model is added, and first when one is dropped.
    """
    recorded = {*models.names, *([WORDS] if models.words else [])}
    shard, found = folder / "shard", False
    for file in (shard / CONFIG, *shard.glob("segments/*/segment.json")):
        data = json.loads(file.read_bytes())
        vectors = data["sparse_vectors"] if file.name == CONFIG else data["config"]["sparse_vector_data"]
        if unrecorded := vectors.keys() - recorded:
            for name in unrecorded:
                del vectors[name]
            replace_json(file, data)
            found = True
    return found
