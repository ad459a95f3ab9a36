"""``postings delete``."""

from __future__ import annotations

from typing import Annotated

import typer

from postings import open_index
from postings_cli.console import out, print_json, printable
from postings_cli.options import Collection, IndexUrl, Json, settings_from
from postings_ingest import delete_documents


def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids of the documents to delete.")],
    collection: Collection = None,
    index: IndexUrl = None,
    as_json: Json = False,
) -> None:
    """Delete documents by id; an older version that arrives later doesn't bring them back.

    Example: postings delete intro chapter-2 --collection articles
    """
    with open_index(settings_from(collection, index)) as opened:
        deleted = delete_documents(opened, ids)
    missing = [id for id in ids if id not in deleted]
    if as_json:
        print_json({"deleted": deleted, "not_found": missing})
        return
    out.print(f"{len(deleted)} deleted", markup=False)
    if missing:
        out.print(printable(f"{len(missing)} not found: {', '.join(missing)}"), markup=False)
