"""``postings delete``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from postings import Index, open_index
from postings.index.tenants import check_names_tenant
from postings_cli.bars import steps_bar
from postings_cli.console import SHOWN, out, print_json, printable, say_first
from postings_cli.options import Collection, Filter, IndexUrl, Json, parsed_filter, settings_from
from postings_ingest.deletion import delete as delete_by_id
from postings_ingest.deletion import delete_matching, matching_documents


def delete(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Ids of the documents to delete.", show_default=False)
    ] = None,
    collection: Collection = None,
    index: IndexUrl = None,
    filter: Filter = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --filter: only count the documents, and name the first.")
    ] = False,
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
    """Delete documents, by id or by a filter.

    An older version that arrives later doesn't bring them back. A filter selects documents by doc_id, title, version,
    passages and metadata.<key>.

    Example: postings delete intro chapter-2 --collection articles

    Example: postings delete --filter '{"must": [{"key": "metadata.year", "range": {"lt": 2020}}]}' --dry-run
    """
    selected = parsed_filter(filter)
    if bool(ids) == (selected is not None):
        raise typer.BadParameter(
            "name documents or give --filter, not both" if ids else "name documents, or give --filter"
        )
    if dry_run and selected is None:
        raise typer.BadParameter("needs --filter", param_hint="--dry-run")
    settings = settings_from(collection, index)
    check_names_tenant(settings)
    with open_index(settings) as opened:
        if selected is not None:
            (_count if dry_run else _delete)(opened, selected, version, as_json=as_json)
            return
        fate = delete_by_id(opened, ids or [], version)
    if as_json:
        print_json(fate.to_json())
        return
    out.print(f"{len(fate.deleted):,} deleted")
    if fate.not_found:
        out.print(printable(f"{len(fate.not_found):,} not found: {', '.join(fate.not_found)}"))
    for id, stored in fate.superseded.items():
        said = f"deleted before: {id!r} by version" if id in fate.gone else f"not deleted: {id!r} has version"
        out.print(printable(f"{said} {stored}, this delete has version {fate.version}"))


def _count(index: Index, filter: dict[str, Any], _: int | None, *, as_json: bool) -> None:
    found = 0
    first: list[str] = []
    for id in matching_documents(index, filter):
        found += 1
        if len(first) < SHOWN:
            first.append(id)
    if as_json:
        print_json({"matching": found, "first": first})
        return
    out.print(f"{found:,} would be deleted")
    for id in first:
        out.print(printable(id))


def _delete(index: Index, filter: dict[str, Any], version: int | None, *, as_json: bool) -> None:
    with steps_bar() as progress:
        done = delete_matching(index, filter, version, lambda documents: progress("deleting", documents, 0))
    if as_json:
        print_json(done.to_json())
        return
    out.print(f"{done.deleted:,} deleted")
    newer = (f"not deleted: {id!r} has version {stored}" for id, stored in done.superseded.items())
    say_first(newer, len(done.superseded), f"with a version above {done.version}")
