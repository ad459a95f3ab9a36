"""The commands, and what all of them share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from postings import PostingsError, __version__
from postings_cli.commands import collections, dead_letters, models
from postings_cli.commands.delete import delete
from postings_cli.commands.demo import demo
from postings_cli.commands.evaluate import evaluate
from postings_cli.commands.export import export
from postings_cli.commands.export_model import export_model_command
from postings_cli.commands.get import get
from postings_cli.commands.info import info
from postings_cli.commands.ingest import ingest
from postings_cli.commands.mine import mine
from postings_cli.commands.reindex import reindex
from postings_cli.commands.search import search
from postings_cli.commands.serve import serve
from postings_cli.commands.snapshots import restore, snapshot
from postings_cli.commands.status import status
from postings_cli.commands.train import train
from postings_cli.commands.worker import worker
from postings_cli.console import STOPPED, out, say
from postings_cli.error_text import error_text
from postings_cli.exit_status import FAILED, INTERRUPTED
from postings_cli.logs import shown_logs

app = typer.Typer(
    help="Learned sparse retrieval on Qdrant: ingest documents, search them, and see why each hit scored.",
    epilog="Settings come from POSTINGS_* variables, .env and postings.toml; options win over them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


_WITH_LOGS = {"worker", "serve"}
"""Commands that write a log of their own."""


def _say_version(wanted: bool) -> None:
    if wanted:
        out.print(f"postings {__version__}")
        raise typer.Exit


def _reported(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what goes wrong in a command into one line on stderr and an exit status, never a traceback."""

    @functools.wraps(command)
    def reported(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except PostingsError as error:
            say(f"error: {error_text(error)}")
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt as interrupt:
            say(STOPPED)
            raise typer.Exit(INTERRUPTED) from interrupt
        except (typer.Exit, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get("POSTINGS_TRACEBACK"):
                raise
            say(f"internal error: {type(error).__name__}: {error_text(error)}")
            say("this is a bug: please report it, with what POSTINGS_TRACEBACK=1 shows")
            raise typer.Exit(FAILED) from error

    return reported


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


_DOCUMENTS = (ingest, search, get, delete, export)
_COLLECTIONS = (info, snapshot, restore, reindex)
_OTHERS = (worker, status, serve, mine, train, evaluate, demo)
for _command in (*_DOCUMENTS, *_COLLECTIONS, *_OTHERS):
    app.command(_command.__name__)(_reported(_command))

_collections = typer.Typer(help="List, create, copy or drop collections.", no_args_is_help=True)
_collections.command("list")(_reported(collections.list_collections))
_collections.command("create")(_reported(collections.create))
_collections.command("copy")(_reported(collections.copy))
_collections.command("drop")(_reported(collections.drop))
app.add_typer(_collections, name="collections")

_letters = typer.Typer(help="List, show, retry or purge dead letters.", no_args_is_help=True)
_letters.command("list")(_reported(dead_letters.list_letters))
_letters.command("show")(_reported(dead_letters.show))
_letters.command("retry")(_reported(dead_letters.retry))
_letters.command("purge")(_reported(dead_letters.purge))
app.add_typer(_letters, name="dead-letters")

_models = typer.Typer(help="List, switch, roll back, drop, export models.", no_args_is_help=True)
_models.command("list")(_reported(models.list_models))
_models.command("switch")(_reported(models.switch))
_models.command("rollback")(_reported(models.rollback))
_models.command("drop")(_reported(models.drop))
_models.command("export")(_reported(export_model_command))
app.add_typer(_models, name="models")
