"""``postings snapshot`` and ``postings restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from postings.collections import Collections
from postings_cli.bars import steps_bar
from postings_cli.console import out, print_json, printable
from postings_cli.options import Collection, IndexUrl, Json, settings_from
from postings_cli.outputs import refuse_inputs


def snapshot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    collection: Collection = None,
    index: IndexUrl = None,
    as_json: Json = False,
) -> None:
    """Save a collection to a file.

    The file holds documents, vectors, models and deletes, and is there as a whole or not at all. A Qdrant server makes
    the snapshot itself and keeps working meanwhile; so does a process that serves a folder. Any other process that has
    the collection open must be stopped first.

    Example: postings snapshot articles.snapshot --collection articles
    """
    settings = settings_from(collection, index)
    refuse_inputs("FILE", file, [], settings)
    with steps_bar() as progress:
        Collections(settings).snapshot(
            settings.collection, file, lambda done, total: progress("saving (bytes)", done, total)
        )
    size = file.stat().st_size
    if as_json:
        print_json({"collection": settings.collection, "file": str(file), "bytes": size})
    else:
        out.print(printable(f"{settings.collection!r} saved to {file} ({size:,} bytes)"))


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `postings snapshot` wrote.")],
    collection: Collection = None,
    index: IndexUrl = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the collection if it exists, with all that it holds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create a collection from a snapshot.

    It may have another name than the one that was saved. A snapshot of a server is restored to a server, one of a
    folder to a folder. On a server, `--replace` drops the collection before the snapshot is sent.

    Example: postings restore articles.snapshot --collection articles-of-may
    """
    settings = settings_from(collection, index)
    with steps_bar() as progress:
        models = Collections(settings).restore(
            settings.collection,
            file,
            replace=replace,
            progress=lambda done, total: progress("restoring (bytes)", done, total),
        )
    if as_json:
        names = {"model": models.active_name, "fingerprint": models.active}
        print_json({"collection": settings.collection, "file": str(file), **names})
    else:
        out.print(printable(f"{settings.collection!r} restored from {file} (model {models.active_name!r})"))
