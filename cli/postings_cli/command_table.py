"""All commands, each loaded when it is run or shown.

Loading all of them takes a second, so ``postings search`` loads ``search`` alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from postings_cli.console import STOPPED, say
from postings_cli.exit_status import INTERRUPTED
from postings_cli.reported import reported


class _Group(NamedTuple):
    help: str
    functions: Mapping[str, str]


_COMMANDS: dict[str, str | _Group] = {
    "ingest": "ingest.ingest",
    "search": "search.search",
    "get": "get.get",
    "delete": "delete.delete",
    "export": "export.export",
    "info": "info.info",
    "snapshot": "snapshots.snapshot",
    "restore": "snapshots.restore",
    "reindex": "reindex.reindex",
    "words": "words.words",
    "worker": "worker.worker",
    "status": "status.status",
    "serve": "serve.serve",
    "mcp": "mcp.mcp",
    "size": "size.size",
    "mine": "mine.mine",
    "train": "train.train",
    "evaluate": "evaluate.evaluate",
    "demo": "demo.demo",
    "keys": _Group(
        "Create, list, revoke the API keys of `postings serve` and `postings mcp --http`.",
        {"create": "keys.create", "list": "keys.list_keys", "revoke": "keys.revoke"},
    ),
    "judgements": _Group(
        "List, export, import judgements of hits.",
        {
            "list": "judgements.list_judgements",
            "export": "judgements.export",
            "import": "judgements.import_judgements",
        },
    ),
    "collections": _Group(
        "List, create, copy, drop, optimize collections.",
        {
            "list": "collections.list_collections",
            "create": "collections.create",
            "copy": "collections.copy",
            "drop": "collections.drop",
            "optimize": "collections.optimize",
        },
    ),
    "dead-letters": _Group(
        "List, show, retry or purge dead letters.",
        {
            "list": "dead_letters.list_letters",
            "show": "dead_letters.show",
            "retry": "dead_letters.retry",
            "purge": "dead_letters.purge",
        },
    ),
    "models": _Group(
        "List, switch, roll back, drop, export models.",
        {
            "list": "models.list_models",
            "switch": "models.switch",
            "rollback": "models.rollback",
            "drop": "models.drop",
            "export": "export_model.export_model_command",
        },
    ),
}
"""By name: a module in ``commands/`` and a function in it, or several below one name."""


class CommandTable(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": _Loaded()})


class _Loaded(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        try:
            return _load(name)
        except KeyboardInterrupt as interrupt:  # of which Typer would say nothing
            say(STOPPED)
            raise typer.Exit(INTERRUPTED) from interrupt

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


@functools.cache
def _load(name: str) -> Any:
    found = _COMMANDS[name]
    # Typer makes a command of a group with one function.
    help, functions = found if isinstance(found, _Group) else (None, {name: found})
    app = typer.Typer(name=name, help=help, no_args_is_help=True, rich_markup_mode=None, add_completion=False)
    for each, function in functions.items():
        app.command(each)(reported(_function(function)))
    return typer.main.get_command(app)


def _function(path: str) -> Callable[..., None]:
    module, _, name = path.partition(".")
    function: Callable[..., None] = getattr(import_module(f"postings_cli.commands.{module}"), name)
    return function
