"""Commands as the command line reads them, without running them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from postings_cli.app import app


def check_command(arguments: Sequence[str]) -> None:
    """Parse the arguments of a ``postings`` command as it would.

    Raises:
        Exception: it would be refused as wrong usage.
    """
    command: Any = typer.main.get_command(app)
    context = command.make_context("postings", [], resilient_parsing=True)
    left = list(arguments)
    while hasattr(command, "commands"):
        name = left.pop(0)
        command = command.get_command(context, name)
        if command is None:
            raise ValueError(f"there is no command {name!r} of {context.command_path!r}")
        context = type(context)(command, info_name=name, parent=context)
    command.make_context(context.info_name, left, parent=context.parent)
