"""``postings dead-letters``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from postings import Settings
from postings_cli.console import err, out, print_json, printable, say
from postings_cli.exit_status import FAILED
from postings_cli.options import Collection, Json, settings_from
from postings_ingest.queue.dead_letters import DeadLetter, DeadLetters
from postings_ingest.queue.ledger import Ledger
from postings_ingest.queue.open_queue import OpenQueue
from postings_ingest.queue.requeueing import requeue

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of dead letters, as `list` prints them.")]
All = Annotated[bool, typer.Option("--all", help="All dead letters of the collection.")]


def list_letters(
    collection: Collection = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of dead letters.")] = 100,
    as_json: Json = False,
) -> None:
    """List dead letters and why they failed.

    The oldest come first.

    Example: postings dead-letters list --json
    """
    letters = _letters(settings_from(collection))
    shown: list[DeadLetter] = []
    for found in letters.list():
        if len(shown) == limit:
            break
        shown.append(found)
    if as_json:
        print_json([found.to_json() for found in shown])
        return
    for found in shown:
        document = "a message" if found.document is None else repr(found.document)
        out.print(printable(f"{found.id}  {_time(found)}  {document}  {found.error}: {found.reason:.300}"))
    if (total := len(letters)) > len(shown):
        err.print(f"… and {total - len(shown):,} more: raise --limit")


def show(id: Annotated[str, typer.Argument(metavar="ID")], collection: Collection = None) -> None:
    """Show a dead letter with its document.

    The output is JSON.

    Example: postings dead-letters show 1700000000000-0
    """
    print_json(_letters(settings_from(collection)).get(id).to_json())


def retry(
    ids: Ids = None,
    all_letters: All = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Retry even dead letters older than POSTINGS_TOMBSTONE_RETENTION: deleted documents may come back.",
        ),
    ] = False,
    collection: Collection = None,
) -> None:
    """Queue documents again, with their versions.

    Example: postings dead-letters retry --all
    """
    _check_named(ids, all_letters=all_letters)
    retried = refused = 0
    for id, error in requeue(OpenQueue.open(settings_from(collection)), ids or None, force=force):
        if error is None:
            retried += 1
        else:
            err.print(printable(f"{id}: {error}"))
            refused += 1
    out.print(f"{retried:,} queued again")
    if refused:
        raise typer.Exit(FAILED)


def purge(ids: Ids = None, all_letters: All = False, collection: Collection = None) -> None:
    """Delete dead letters for good.

    Example: postings dead-letters purge 1700000000000-0
    """
    letters = _letters(settings_from(collection))
    _check_named(ids, all_letters=all_letters)
    unknown = [id for id in dict.fromkeys(ids or ()) if id not in letters]
    out.print(f"{letters.purge([id for id in ids if id not in unknown] if ids else None):,} deleted")
    for id in unknown:
        say(f"there is no dead letter {id!r}")
    if unknown:
        raise typer.Exit(FAILED)


def _letters(settings: Settings) -> DeadLetters:
    return DeadLetters(Ledger(settings))


def _check_named(ids: list[str] | None, *, all_letters: bool) -> None:
    if bool(ids) == all_letters:
        raise typer.BadParameter(
            "name dead letters, or give --all" if not ids else "name dead letters or give --all, not both"
        )


def _time(found: DeadLetter) -> str:
    return datetime.fromtimestamp(found.failed_at / 1000, UTC).isoformat(sep=" ", timespec="seconds")
