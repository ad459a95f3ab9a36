"""The reference of the command line, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from generating.tables import code, prose, table
from postings_cli.app import app

_LIMITS = ((r"(\S+)<=x<=(\S+)", r"\1 to \2"), (r"x>=(\S+)", r"at least \1"), (r"x<=(\S+)", r"at most \1"))
_EXTRA = re.compile(r" *\[([^\[\]]*)\]$")


def page(argument: str = "") -> str:  # noqa: ARG001
    """All commands, each with its usage, its arguments and its options."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("postings", [], resilient_parsing=True)
    return "\n\n".join(
        part
        for name in root.list_commands(context)
        for part in _command(root.get_command(context, name), context, name)
    )


def _command(command: Any, parent: Any, name: str) -> Iterator[str]:
    context = type(parent)(command, info_name=name, parent=parent)
    path = context.command_path
    if hasattr(command, "commands"):
        yield f"## {path}\n\n{command.help or ''}"
        for each in command.list_commands(context):
            for part in _command(command.get_command(context, each), context, each):
                yield part.replace("## ", "### ", 1)
        return
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    said, mark, example = (command.help or "").partition("Example:")
    yield f"## {path}\n\n{prose(said.strip())}\n\n```text\n{usage}\n```"
    records = [each.get_help_record(context) for each in command.get_params(context)]
    yield table(["argument or option", "meaning", "default, limits"], [_row(*each) for each in records if each])
    if mark:
        yield f"An example:\n\n```text\n{' '.join(example.split())}\n```"


def _row(names: str, said: str) -> list[str]:
    """What ``--help`` says: names, meaning, and in brackets default and limits."""
    extra = _EXTRA.search(said)
    meaning = said[: extra.start()] if extra else said
    shown = re.sub(r"default: ([^;]+)", r"`\1`", extra[1]) if extra else ""
    for pattern, words in _LIMITS:
        shown = re.sub(pattern, words, shown)
    return [code(names), prose(meaning), shown]
