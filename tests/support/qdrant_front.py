"""Runs the REST and the gRPC front of an engine: ``python -m tests.support.qdrant_front FOLDER PORT GRPC_PORT``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.support import qdrant_grpc
from tests.support.qdrant_http import Collections, Handler, HttpServer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("grpc_port", type=int)
    parser.add_argument("--api-key")
    arguments = parser.parse_args()
    Handler.collections = Collections(arguments.folder)
    Handler.api_key = arguments.api_key
    qdrant = qdrant_grpc.serve(Handler.collections, arguments.grpc_port, arguments.api_key)
    HttpServer(("127.0.0.1", arguments.port), Handler).serve_forever()
    qdrant.stop(None)


if __name__ == "__main__":
    main()
