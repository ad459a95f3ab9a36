"""The ``postings`` command."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import click
import typer

from postings_cli.console import err, printable

_FAILED = 1
_INTERRUPTED = 130

app = typer.Typer(
    help="Learned sparse retrieval on Qdrant: ingest documents, search them, and see why each hit scored.",
    epilog="Settings come from POSTINGS_* variables, .env and postings.toml; options win over them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> NoReturn:
    """Run the command line; every expected error becomes one line on stderr and an exit status.

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 done with rejected records, 130 interrupted.
    """
    for name in ("ingest", "search", "info", "delete", "demo"):
        app.command(name)(getattr(importlib.import_module(f"postings_cli.{name}"), name))
    sys.exit(_run())


def _run() -> int:
    from postings import PostingsError

    try:
        return int(app(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        err.print("interrupted")
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left, as `head` does; nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PostingsError as error:
        err.print(printable(f"error: {error}"), markup=False)
        return _FAILED
    except Exception as error:
        if os.environ.get("POSTINGS_TRACEBACK"):
            raise
        err.print(printable(f"internal error: {type(error).__name__}: {error}"), markup=False)
        err.print("this is a bug in postings: please report it, with what POSTINGS_TRACEBACK=1 shows", markup=False)
        return _FAILED
