"""``postings mcp``."""

from __future__ import annotations

from typing import Annotated

import typer

from postings.errors import MissingExtra
from postings_cli.console import say
from postings_cli.options import Collection, IndexUrl, Model, own_settings_from


def mcp(
    write: Annotated[
        bool, typer.Option("--write", help="Let clients ingest and delete documents; keys have scopes of their own.")
    ] = False,
    http: Annotated[bool, typer.Option("--http", help="Answer over HTTP, rather than on stdin and stdout.")] = False,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", help="With --http: address to listen on (POSTINGS_SERVE_HOST).", show_default="127.0.0.1"
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            help="With --http: port to listen on (POSTINGS_SERVE_PORT).",
            min=0,
            max=65535,
            show_default="8000",
        ),
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="With --http: let other machines in, while there is no API key.")
    ] = False,
    collection: Collection = None,
    index: IndexUrl = None,
    model: Model = None,
) -> None:
    """Give assistants tools, over MCP.

    An assistant starts this command, and sends its calls to stdin, as the Model Context Protocol says. With `--http`,
    it runs as a service of its own, and asks for the API keys of `postings keys`. SIGTERM, Ctrl-C or a closed stdin
    ends it.

    Example: postings mcp --index /data/postings --collection articles

    Example: postings mcp --http --port 8001
    """
    of_http = {"--host": host is not None, "--port": port is not None, "--no-keys": no_keys}
    if not http and any(of_http.values()):
        given = [name for name, is_given in of_http.items() if is_given]
        raise typer.BadParameter("needs --http", param_hint=" and ".join(given))
    settings = own_settings_from(collection, index, model, serve_host=host, serve_port=port)
    try:
        from postings_ingest.worker.logs import configure_logging
        from postings_serve.mcp.http import serve_http
        from postings_serve.mcp.stdio import serve_stdio
    except ImportError as error:
        raise MissingExtra("mcp", "serving tools to assistants") from error
    configure_logging(settings)
    about = f"(collection {settings.collection!r}); Ctrl-C ends"
    if http:
        serve_http(settings, lambda url: say(f"{url}  {about}"), write=write, open_to_all=no_keys)
    else:
        say(f"tools on stdin and stdout  {about}")
        serve_stdio(settings, write=write)
