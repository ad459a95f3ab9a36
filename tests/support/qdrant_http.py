"""Qdrant's engine behind Qdrant's REST, for machines without a server.

The engine is the real one (the embedded one, so that it survives being killed), and so is the network; only the front
is ours, and it knows no more than the requests that Postings sends. What a real server says besides (clusters) is
tested where one is given.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from postings import EdgeIndex
from postings.errors import InvalidFilter, PostingsError
from tests.support import qdrant_snapshots
from tests.support.qdrant_collections import Collections
from tests.support.qdrant_points import count, delete, query, query_batch, retrieve, scroll, update_vectors, upsert
from tests.support.qdrant_rules import Refused, Rules, check_filters, version

ROUTES: Mapping[tuple[str, str], Callable[[EdgeIndex, Mapping[str, Any]], Any]] = {
    ("PUT", "/points"): upsert,
    ("PUT", "/points/vectors"): update_vectors,
    ("POST", "/points"): retrieve,
    ("POST", "/points/delete"): delete,
    ("POST", "/points/query"): query,
    ("POST", "/points/query/batch"): query_batch,
    ("POST", "/points/scroll"): scroll,
    ("POST", "/points/count"): count,
}


def writes(method: str, path: str) -> bool:
    """Whether a request needs more than a key for reading."""
    return method in {"PUT", "DELETE", "PATCH"} or path.endswith(("/points/delete", "/snapshots", "/snapshots/upload"))


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
    if (method, rest) == ("PATCH", ""):
        return collections.update(name, body)
    if (vector := re.fullmatch(r"/vectors/([^/]+)", rest)) and method in {"PUT", "DELETE"}:
        if method == "PUT":
            return collections.create_vector(name, vector[1], body["sparse"])
        return collections.delete_vector(name, vector[1])
    if (method, rest) == ("GET", "/cluster"):
        return qdrant_snapshots.cluster(collections, name)
    if (method, rest) == ("GET", "/snapshots"):
        return qdrant_snapshots.made(collections, name)
    if (method, rest) == ("POST", "/snapshots"):
        return qdrant_snapshots.make(collections, name)
    if (snapshot := re.fullmatch(r"/snapshots/([^/]+)", rest)) and method in {"GET", "DELETE"}:
        asked = qdrant_snapshots.fetch if method == "GET" else qdrant_snapshots.delete
        return asked(collections, name, snapshot[1])
    if (method, rest) == ("GET", "/exists"):
        return {"exists": collections.exists(name)}
    if (method, rest) == ("POST", "/points/count"):
        rules.check_count(body)
    if (method, rest) == ("POST", "/points/query/batch"):
        rules.check_limits(body)
    if (method, rest) == ("POST", "/points/query"):
        rules.check_limits({"searches": [body]})
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
        path, _, query = self.path.partition("?")
        kind = self.headers.get("content-type", "")
        sent = self.rfile.read(length)
        body = json.loads(sent) if sent and not kind.startswith("multipart/") else {}
        if path == "/":
            self.reply(200, {"title": "qdrant - vector search engine", "version": version()})
            return
        try:
            self.rules.check_key(self.headers.get("api-key"), writes=writes(self.command, path))
            check_filters(_filters(body))
            if upload := re.fullmatch(r"/collections/([^/]+)/snapshots/upload", path):
                options = dict(parse_qsl(query))
                result: Any = qdrant_snapshots.recover(self.collections, upload[1], options, kind, sent)
            else:
                result = answer(self.collections, self.rules, self.command, path, body)
        except Refused as error:
            # Of a key that it doesn't know, a server speaks in plain text.
            said = {"status": {"error": str(error)}, "time": 0}
            self.reply(error.status, str(error) if error.status == 401 else said)
        except (InvalidFilter, PostingsError) as error:
            self.reply(400, {"status": {"error": f"Wrong input: {error}"}, "time": 0})
        else:
            self.reply(200, result if isinstance(result, bytes) else {"result": result, "status": "ok", "time": 0})

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_request  # noqa: N815

    def reply(self, status: int, content: object) -> None:
        data = content if isinstance(content, bytes) else _encoded(content)
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


def _encoded(content: object) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()


def _filters(body: Any) -> list[Any]:
    """All filters of a request; what else is in it are the user's own words."""
    each = [body, *_queries(body.get("searches")), *_queries(body.get("prefetch"))] if isinstance(body, Mapping) else []
    return [one.get(name) for one in each for name in ("filter", "update_filter")]


def _queries(queries: Any) -> list[Any]:
    """Queries, and what they prefetch."""
    return [one for each in queries or () for one in (each, *_queries(each.get("prefetch")))]
