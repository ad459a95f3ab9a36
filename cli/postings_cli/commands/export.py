"""``postings export``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from postings import Index, open_index
from postings.index.collection_size import collection_size
from postings.indexed_documents import export_documents
from postings_cli.bars import steps_bar
from postings_cli.console import out, print_json, print_json_line, printable, say_first
from postings_cli.exit_status import REJECTED
from postings_cli.options import Collection, Filter, IndexUrl, Json, parsed_filter, settings_from
from postings_cli.outputs import OutputFile, refuse_inputs


def export(
    to: Annotated[
        Path | None, typer.Option("--out", help="Write to this file instead of stdout.", show_default=False)
    ] = None,
    collection: Collection = None,
    index: IndexUrl = None,
    filter: Filter = None,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Add the sparse vectors of all passages; `ingest` leaves them out.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a collection's documents as JSON Lines.

    `postings ingest` reads them back, with their versions. Deleted documents are left out. A document that is only
    partly stored, because its writer died, is named, and the exit status is then 3: ingest it again.

    Example: postings export --collection articles --out articles.jsonl

    Example: postings export --filter '{"must": [{"key": "metadata.lang", "match": {"value": "en"}}]}' | gzip > en.gz
    """
    if as_json and to is None:
        raise typer.BadParameter("needs --out: without it, stdout has the documents", param_hint="--json")
    settings = settings_from(collection, index)
    selected = parsed_filter(filter)
    if to is not None:
        refuse_inputs("--out", to, [], settings)
    incomplete: list[str] = []
    documents = 0
    with open_index(settings) as opened:
        names = list(opened.models().names) if vectors else []
        found = export_documents(opened, selected, vectors=names, incomplete=incomplete.append)
        with _output(to) as write, steps_bar() as progress:
            total = 0 if selected else _documents(opened)
            for each in found:
                write(each.to_json(vectors=vectors))
                documents += 1
                if to is not None or not out.is_terminal:
                    progress("exporting", documents, max(total, documents + 1))
    say_first((f"only partly stored: {id!r}" for id in incomplete), len(incomplete), "partly stored")
    if as_json:
        print_json({"documents": documents, "incomplete": incomplete})
    elif to is not None:
        out.print(printable(f"{documents:,} documents written to {to}"))
    if incomplete:
        raise typer.Exit(REJECTED)


@contextmanager
def _output(to: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    if to is None:
        yield print_json_line
        return
    with OutputFile("--out", to) as file:
        yield lambda record: file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _documents(index: Index) -> int:
    return collection_size(index).documents
