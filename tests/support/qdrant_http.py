"""Qdrant's engine behind Qdrant's REST, for machines without a server.

The engine is the real one (the embedded one, so that it survives being killed), and so is the network; only the front
is ours, and it knows no more than the requests that Postings sends. What a real server says besides (clusters) is
tested where one is given.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from postings import EdgeIndex, SparseVector
from postings.errors import InvalidFilter, PostingsError
from postings.index import Point
from postings.index.models import CollectionModels
from postings.index.payload import version_at_most
from postings.index.protocol import ScoredPoint
from postings.index.ranking import Question
from tests.support.qdrant_rules import VERSION, Refused, Rules, check_filters

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
        self._folder = folder
        self._lock = threading.Lock()
        self.made: dict[str, Mapping[str, Any]] = {}
        """What each was asked to be like when it was made, by this process."""
        self.fields: dict[str, dict[str, str]] = {}
        """The payload indexes of each, made by this process; the engine has its own."""
        self._open: dict[str, EdgeIndex] = {
            each.name: EdgeIndex(folder, each.name) for each in folder.iterdir() if not each.name.startswith(".")
        }

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
                shutil.rmtree(self._folder / name)
                self.fields.pop(name, None)
            return index is not None

    def index_field(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Index a field of the payload."""
        self.find(name)
        self.fields.setdefault(name, {})[body["field_name"]] = body["field_schema"]
        return {"operation_id": 0, "status": "completed"}

    def info(self, name: str) -> dict[str, Any]:
        """As ``GET /collections/{name}`` says it."""
        return info(self.find(name), self.made.get(name, {}), self.fields.get(name, {}))

    def create(self, name: str, body: Mapping[str, Any]) -> bool:
        """Make one."""
        with self._lock:
            if name in self._open:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            models = CollectionModels.from_json(body["metadata"]["postings"], name)
            (parameters,) = body["sparse_vectors"].values()
            index = EdgeIndex(self._folder, name, datatype=parameters["index"]["datatype"])
            index.ensure(models.active, models.active_name)
            self.made[name] = body
            self._open[name] = index
            return True


def info(index: EdgeIndex, made: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    found = index.info()
    names = ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload", "sparse_vectors")
    asked = {name: made[name] for name in names if made.get(name) is not None}
    return {
        "status": "green",
        "optimizer_status": "ok",
        "segments_count": 1,
        "points_count": found.points,
        "config": {
            "params": {"sparse_vectors": {name: {} for name in found.models.names}, **asked},
            "hnsw_config": _HNSW,
            "optimizer_config": _OPTIMIZERS,
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            "metadata": {"postings": found.models.to_json()},
        },
        "payload_schema": {name: {"data_type": kind, "points": 0} for name, kind in fields.items()},
    }


def upsert(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    points = [Point(each["id"], each["payload"], _vectors(each["vector"])) for each in body["points"]]
    if (condition := body.get("update_filter")) is None:
        index.upsert(points)
    else:
        newest = max(_numbers(condition))
        if _bare(condition) != _bare(version_at_most(newest)):
            raise Refused(400, f"this front knows no such condition: {condition}")
        index.upsert(points, newest=newest)
    return {"operation_id": 0, "status": "completed"}


def delete(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    index.delete(_bare(body["filter"]))
    return {"operation_id": 0, "status": "completed"}


def query_batch(index: EdgeIndex, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    questions = [
        Question(
            vector=SparseVector(each["query"]["nearest"]["indices"], each["query"]["nearest"]["values"]),
            using=each["using"],
            limit=each["limit"],
            offset=each.get("offset") or 0,
            filter=_filter(each),
            score_threshold=each.get("score_threshold"),
            fields=_fields(each["with_payload"]),
            with_vector=bool(each.get("with_vector")),
        )
        for each in body["searches"]
    ]
    return [{"points": [_point(hit) for hit in hits]} for hits in index.nearest(questions)]


def _fields(selector: Any) -> list[str] | None:
    """Over gRPC, a list comes as a selector that includes it."""
    chosen = selector.get("include") if isinstance(selector, dict) else selector
    return chosen if isinstance(chosen, list) else None


def retrieve(index: EdgeIndex, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_point(point) for point in index.retrieve(body["ids"], vectors=body.get("with_vector") or ())]


def scroll(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    fields = body["with_payload"] if isinstance(body.get("with_payload"), list) else None
    points = list(index.scroll(_filter(body), fields=fields, vectors=body.get("with_vector") or ()))
    page = [point for point in points if body.get("offset") is None or point.id >= body["offset"]]
    limit = body["limit"]
    following = page[limit].id if len(page) > limit else None
    return {"points": [_point(point) for point in page[:limit]], "next_page_offset": following}


def count(index: EdgeIndex, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"count": index.count(_filter(body), exact=body.get("exact", True))}


ROUTES: Mapping[tuple[str, str], Callable[[EdgeIndex, Mapping[str, Any]], Any]] = {
    ("PUT", "/points"): upsert,
    ("POST", "/points"): retrieve,
    ("POST", "/points/delete"): delete,
    ("POST", "/points/query/batch"): query_batch,
    ("POST", "/points/scroll"): scroll,
    ("POST", "/points/count"): count,
}


def writes(method: str, path: str) -> bool:
    """Whether a request needs more than a key for reading."""
    return method in {"PUT", "DELETE", "PATCH"} or path.endswith("/points/delete")


def answer(collections: Collections, rules: Rules, method: str, path: str, body: Mapping[str, Any]) -> Any:
    """The ``result`` of a request."""
    if (method, path) == ("GET", "/collections"):
        return {"collections": [{"name": name} for name in collections.names()]}
    match = re.fullmatch(r"/collections/([^/]+)(.*)", path)
    if match is None:
        raise Refused(404, "")
    name, rest = match[1], match[2]
    if (method, rest) == ("PUT", ""):
        return collections.create(name, body)
    if (method, rest) == ("GET", ""):
        return collections.info(name)
    if (method, rest) == ("PUT", "/index"):
        return collections.index_field(name, body)
    if (method, rest) == ("DELETE", ""):
        return collections.drop(name)
    if (method, rest) == ("GET", "/exists"):
        return {"exists": collections.exists(name)}
    if (method, rest) == ("POST", "/points/count"):
        rules.check_count(body)
    if (method, rest) == ("POST", "/points/query/batch"):
        rules.check_limits(body)
    if (method, rest) not in ROUTES:
        raise Refused(404, f"this front doesn't know {method} {path}")
    return ROUTES[method, rest](collections.find(name), body)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # As a real server: a compressed answer goes out in two packets, and the second waits for the client's ACK.
    disable_nagle_algorithm = False
    wbufsize = -1
    collections: Collections
    rules: Rules

    def handle_request(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        path = self.path.partition("?")[0]
        if path == "/":
            self.reply(200, {"title": "qdrant - vector search engine", "version": VERSION})
            return
        try:
            self.rules.check_key(self.headers.get("api-key"), writes=writes(self.command, path))
            check_filters(_filters(body))
            result = answer(self.collections, self.rules, self.command, path, body)
        except Refused as error:
            # Of a key that it doesn't know, a server speaks in plain text.
            said = {"status": {"error": str(error)}, "time": 0}
            self.reply(error.status, str(error) if error.status == 401 else said)
        except (InvalidFilter, PostingsError) as error:
            self.reply(400, {"status": {"error": f"Wrong input: {error}"}, "time": 0})
        else:
            self.reply(200, {"result": result, "status": "ok", "time": 0})

    do_GET = do_PUT = do_POST = do_DELETE = handle_request  # noqa: N815

    def reply(self, status: int, content: object) -> None:
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        compressed = "gzip" in self.headers.get("accept-encoding", "")
        if compressed:
            data = gzip.compress(data)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if compressed:
            self.send_header("content-encoding", "gzip")
        self.end_headers()
        if compressed:
            self.wfile.flush()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


class HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: some come to the wrong port."""


def _filters(body: Any) -> list[Any]:
    """All filters of a request; what else is in it are the user's own words."""
    each = [body, *body.get("searches", [])] if isinstance(body, Mapping) else []
    return [one.get(name) for one in each for name in ("filter", "update_filter")]


def _filter(body: Mapping[str, Any]) -> dict[str, Any] | None:
    return None if body.get("filter") is None else _bare(body["filter"])


def _bare(value: Any) -> Any:
    """Without what the client leaves empty."""
    if isinstance(value, Mapping):
        return {name: _bare(each) for name, each in value.items() if each not in (None, [])}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def _numbers(value: Any) -> list[int]:
    if isinstance(value, Mapping):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [int(value)] if isinstance(value, int | float) else []


def _vectors(stored: Mapping[str, Any]) -> dict[str, SparseVector]:
    return {name: SparseVector(vector["indices"], vector["values"]) for name, vector in stored.items()}


def _point(point: Point) -> dict[str, Any]:
    vectors = {
        name: {"indices": vector.indices.tolist(), "values": vector.values.tolist()}
        for name, vector in point.vectors.items()
    }
    shown: dict[str, Any] = {"id": point.id, "payload": dict(point.payload), "vector": vectors}
    return {**shown, "version": 0, "score": point.score} if isinstance(point, ScoredPoint) else shown
