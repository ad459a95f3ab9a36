"""An HTTP server that gives every request the same answer: what proxies and servers in trouble say."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def answering(
    status: int,
    body: str,
    headers: Mapping[str, str] = {},
    *,
    root: str | None = None,
    others: Mapping[str, str] = {},
    heard: list[Mapping[str, str]] | None = None,
    asked: list[str] | None = None,
) -> Iterator[str]:
    """Start it; yields its URL.

    Args:
        status: of the answer.
        body: likewise.
        headers: likewise.
        root: what it says at ``/`` instead, with a status of 200: which version it is.
        others: what it says at other paths instead, likewise.
        heard: takes the headers of each request.
        asked: takes the path of each request, with its parameters.
    """

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if heard is not None:
                heard.append(dict(self.headers))
            if asked is not None:
                asked.append(self.path)
            own = dict(others) if root is None else {**others, "/": root}
            said = own.get(self.path, body)
            self.send_response(200 if self.path in own else status)
            for name, value in {"Content-Length": str(len(said.encode())), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.encode())

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
