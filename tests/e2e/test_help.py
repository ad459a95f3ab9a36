"""Each command says what it does, and shows an example."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from postings_cli.app import app
from postings_cli.main import run


def subcommands(group: Any, *above: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from subcommands(command, *above, name)
        else:
            yield " ".join([*above, name]), command


COMMANDS = dict(subcommands(typer.main.get_command(app)))


def test_there_are_commands_and_their_subcommands() -> None:
    assert {"ingest", "dead-letters list"} < COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_short_summary_and_an_example_in_its_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    summary, _, _ = COMMANDS[name].help.partition("\n")
    assert summary.endswith(".")
    assert len(summary) <= 45, "the list of commands would cut it"
    assert run([*name.split(), "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(rf"Example: (\S+=\S+ )?postings {name}\b", said)
