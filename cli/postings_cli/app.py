"""The command line's own options; the commands are in :mod:`postings_cli.command_table`."""

from __future__ import annotations

from typing import Annotated

import typer

from postings import __version__
from postings_cli.command_table import CommandTable
from postings_cli.console import out
from postings_cli.logs import shown_logs

app = typer.Typer(
    cls=CommandTable,
    help="Learned sparse retrieval on Qdrant: ingest documents, search them, and see why each hit scored.",
    epilog="Settings come from POSTINGS_* variables, .env and postings.toml; options win over them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_WITH_LOGS = {"worker", "serve", "mcp"}
"""Commands that write a log of their own."""


def _say_version(wanted: bool) -> None:
    if wanted:
        out.print(f"postings {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 # its callback does the work
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """Learned sparse retrieval on Qdrant: ingest documents, search them, and see why each hit scored."""
    if context.invoked_subcommand not in _WITH_LOGS:
        context.with_resource(shown_logs())
