"""Collections of Qdrant's engine, made, shown and dropped as a server does it."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from postings import EdgeIndex
from postings.index.embedded.collections import EmbeddedCollections
from postings.index.models import CollectionModels
from postings.whole_files import no_progress
from postings.words import WORDS, WordsConfig
from tests.support.qdrant_rules import Refused

_HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000}
_OPTIMIZERS = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "flush_interval_sec": 5,
}


class Collections:
    """All collections of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self.made: dict[str, Mapping[str, Any]] = {}
        """What each was asked to be like when it was made, by this process."""
        self.fields: dict[str, dict[str, Any]] = {}
        """The payload indexes of each, made by this process; the engine has its own."""
        self._open: dict[str, EdgeIndex] = {
            each.name: EdgeIndex(folder, each.name) for each in folder.iterdir() if not each.name.startswith(".")
        }
        self._metadata = {name: json.loads(self._metadata_file(name).read_bytes()) for name in self._open}

    def find(self, name: str) -> EdgeIndex:
        """One that stands."""
        if name not in self._open:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return self._open[name]

    def exists(self, name: str) -> bool:
        """Whether it stands."""
        return name in self._open

    def names(self) -> list[str]:
        """Of all."""
        return list(self._open)

    def drop(self, name: str) -> bool:
        """Forget one."""
        with self._lock:
            if (index := self._open.pop(name, None)) is not None:
                index.close()
                shutil.rmtree(self.folder / name)
                self.fields.pop(name, None)
            return index is not None

    def index_field(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Index a field of the payload."""
        self.find(name)
        schema = body["field_schema"]
        if isinstance(schema, Mapping) and not {**schema}.keys() <= {"type", "is_tenant"}:
            raise Refused(400, f"this front knows no such index: {schema}")
        self.fields.setdefault(name, {})[body["field_name"]] = schema
        return {"operation_id": 0, "status": "completed"}

    def info(self, name: str) -> dict[str, Any]:
        """As ``GET /collections/{name}`` says it."""
        found = info(self.find(name), self.made.get(name, {}), self.fields.get(name, {}))
        found["config"]["metadata"] = self._metadata[name]
        return found

    def create(self, name: str, body: Mapping[str, Any]) -> bool:
        """Make one."""
        with self._lock:
            if name in self._open:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            models = CollectionModels.from_json(body["metadata"]["postings"], name)
            parameters = body["sparse_vectors"][models.active]
            index = EdgeIndex(self.folder, name, datatype=(parameters.get("index") or {}).get("datatype") or "float32")
            vectors = body["sparse_vectors"]
            index.ensure(models.active, models.active_name, _words(vectors[WORDS]) if WORDS in vectors else None)
            for vector in vectors.keys() - {WORDS}:
                index.add_model(vector, vector)
            self.made[name] = body
            self._write_metadata(name, body["metadata"])
            self._open[name] = index
            return True

    def update(self, name: str, body: Mapping[str, Any]) -> bool:
        """Replace whole keys of the metadata, and change nothing else of them."""
        index = self.find(name)
        with self._lock:
            self._write_metadata(name, {**self._metadata[name], **(body.get("metadata") or {})})
            index.switch_model(self._metadata[name]["postings"]["active"])
            return True

    def create_vector(self, name: str, vector: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Make a named vector, unless there is one."""
        index = self.find(name)
        if vector == WORDS:
            index.set_words(_words(config))
        else:
            index.add_model(vector, vector)
        return {"operation_id": 0, "status": "completed"}

    def delete_vector(self, name: str, vector: str) -> dict[str, Any]:
        """Delete a named vector, if there is one."""
        self.find(name).drop_model(vector)
        return {"operation_id": 0, "status": "completed"}

    def snapshot(self, name: str, file: Path) -> None:
        """Write one as a server does: a tar archive with the configuration, and the shards."""
        index = self.find(name)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".snapshot-") as folder:
            index.snapshot(Path(folder, "shard"))
            config = {"params": info(index, self.made.get(name, {}), {})["config"]["params"]}
            Path(folder, "config.json").write_text(json.dumps({**config, "metadata": self._metadata[name]}))
            with tarfile.open(file, "w") as archive:
                archive.add(folder, ".")

    def recover(self, name: str, file: Path) -> bool:
        """Make one from a snapshot; its metadata are lost, as the payload's schema is."""
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".recover-") as folder:
            try:
                with tarfile.open(file, "r:") as archive:
                    archive.extractall(folder, filter="data")
                config = json.loads(Path(folder, "config.json").read_bytes())
            except (OSError, ValueError, tarfile.TarError) as error:
                raise Refused(400, f"Wrong input: Failed to unpack snapshot: {error}") from error
            if name in self._open:
                raise Refused(400, "this front recovers no collection that stands")
            with self._lock:
                EmbeddedCollections(self.folder).restore(name, Path(folder, "shard"), no_progress, replace=False)
                self.made[name] = config["params"]
                self._write_metadata(name, {})
                self._open[name] = EdgeIndex(self.folder, name)
            return True

    def _write_metadata(self, name: str, metadata: Mapping[str, Any]) -> None:
        self._metadata[name] = dict(metadata)
        partial = self._metadata_file(name).with_suffix(".partial")
        partial.write_text(json.dumps(metadata))
        partial.replace(self._metadata_file(name))

    def _metadata_file(self, name: str) -> Path:
        return self.folder / name / "metadata.json"


def _words(config: Mapping[str, Any]) -> WordsConfig:
    if config.get("modifier") != "idf":
        raise Refused(400, f"this front knows words only with the modifier idf, not {config}")
    return WordsConfig()


def info(index: EdgeIndex, made: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    found = index.info()
    names = ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload", "sparse_vectors")
    asked = {name: made[name] for name in names if made.get(name) is not None}
    return {
        "status": "green",
        "optimizer_status": "ok",
        "segments_count": 1,
        "points_count": found.points,
        "config": {
            "params": {
                **asked,
                "sparse_vectors": {name: made.get("sparse_vectors", {}).get(name, {}) for name in found.models.vectors},
            },
            "hnsw_config": _HNSW,
            "optimizer_config": _OPTIMIZERS,
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
        },
        "payload_schema": {name: _indexed(schema) for name, schema in fields.items()},
    }


def _indexed(schema: Any) -> dict[str, Any]:
    """A field's index, as a collection shows it: with its parameters, if it was made with some."""
    if isinstance(schema, Mapping):
        return {"data_type": schema["type"], "params": dict(schema), "points": 0}
    return {"data_type": schema, "points": 0}
