"""``postings delete``."""

from __future__ import annotations

from typing import Annotated

import typer

from postings import open_index
from postings.index.tenants import check_names_tenant
from postings_cli.console import out, print_json, printable
from postings_cli.options import Collection, IndexUrl, Json, settings_from
from postings_ingest.deletion import delete as delete_by_id


def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids of the documents to delete.")],
    collection: Collection = None,
    index: IndexUrl = None,
    version: Annotated[
        int | None,
        typer.Option(
            "--version",
            help="Version of the delete, by default the time in ms; a larger version that is ingested later brings the "
            "document back.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete documents by id.

    An older version that arrives later doesn't bring them back.

    Example: postings delete intro chapter-2 --collection articles
    """
    settings = settings_from(collection, index)
    check_names_tenant(settings)
    with open_index(settings) as opened:
        fate = delete_by_id(opened, ids, version)
    if as_json:
        superseded = [
            {"id": id, "stored": stored, "deleted": id in fate.gone} for id, stored in fate.superseded.items()
        ]
        print_json(
            {
                "version": fate.version,
                "deleted": fate.deleted,
                "not_found": fate.not_found,
                "superseded": superseded,
            }
        )
        return
    out.print(f"{len(fate.deleted):,} deleted")
    if fate.not_found:
        out.print(printable(f"{len(fate.not_found):,} not found: {', '.join(fate.not_found)}"))
    for id, stored in fate.superseded.items():
        said = f"deleted before: {id!r} by version" if id in fate.gone else f"not deleted: {id!r} has version"
        out.print(printable(f"{said} {stored}, this delete has version {fate.version}"))
