"""Runs the REST and the gRPC front of an engine."""

from __future__ import annotations

import argparse
import ssl
from collections.abc import Sequence
from pathlib import Path

from tests.support import qdrant_grpc
from tests.support.qdrant_collections import Collections
from tests.support.qdrant_http import Handler, HttpServer
from tests.support.qdrant_rules import Rules


def main(options: Sequence[str]) -> None:
    """Serve until the process is killed; the options are those below."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("grpc_port", type=int)
    parser.add_argument("--api-key")
    parser.add_argument("--read-only-key")
    parser.add_argument("--strict", action="store_true", help="strict mode, without exact counts and long searches")
    parser.add_argument("--tls", nargs=2, type=Path, metavar=("CERTIFICATE", "KEY"))
    arguments = parser.parse_args(options)
    Handler.collections = Collections(arguments.folder)
    Handler.rules = Rules(arguments.api_key, arguments.read_only_key, arguments.strict)
    qdrant = qdrant_grpc.serve(Handler.collections, arguments.grpc_port, Handler.rules, arguments.tls)
    server = HttpServer(("127.0.0.1", arguments.port), Handler)
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*arguments.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
    qdrant.stop(None)
