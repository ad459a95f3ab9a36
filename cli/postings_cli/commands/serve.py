"""``postings serve``."""

from __future__ import annotations

import json
import os
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from postings.errors import MissingExtra
from postings_cli.console import err, out, printable
from postings_cli.options import Collection, IndexUrl, Model, own_settings_from

if TYPE_CHECKING:
    from postings_serve.process.server import Running


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on (POSTINGS_SERVE_HOST).", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="Port to listen on (POSTINGS_SERVE_PORT).", min=0, max=65535, show_default="8000"),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the address in a browser.")] = False,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Let other machines do everything, while there is no API key.")
    ] = False,
    openapi: Annotated[
        bool, typer.Option("--openapi", help="Print what the API answers, as OpenAPI in JSON, and end.")
    ] = False,
    collection: Collection = None,
    index: IndexUrl = None,
    model: Model = None,
) -> None:
    """Serve everything over HTTP.

    Where the index is a folder, this starts a broker and a worker too, and other commands on the folder go through it.
    Where it is a server, this is the API alone. SIGTERM or Ctrl-C ends it; what it accepted is answered first.

    Example: postings serve --open
    """
    settings = own_settings_from(collection, index, model, serve_host=host, serve_port=port)
    try:
        from postings_ingest.worker.logs import configure_logging
        from postings_serve.app import api
        from postings_serve.process import server
    except ImportError as error:
        raise MissingExtra("serve", "serving HTTP") from error
    if openapi:
        out.print_json(json.dumps(api().openapi()))
        return
    configure_logging(settings)
    given = settings.to_environment()
    for name in [name for name in os.environ if name.upper() in given]:
        del os.environ[name]  # the broker would inherit keys and passwords

    def started(running: Running) -> None:
        where = f"index {settings.index_url}" if running.broker else "a Qdrant server"
        broker = f", broker {running.broker}" if running.broker else ""
        err.print(printable(f"{running.url}  ({where}, collection {settings.collection!r}{broker}); Ctrl-C ends"))
        if open_browser:
            webbrowser.open(running.url)

    server.serve(settings, started, open_to_all=no_keys)
