"""``postings judgements``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from postings import Document, open_index
from postings.index.collection_size import collection_size
from postings.indexed_documents import export_documents
from postings.ir_dataset import is_ir_dataset
from postings_cli.bars import steps_bar
from postings_cli.console import out, print_json, printable, say, say_first
from postings_cli.exit_status import REJECTED
from postings_cli.options import Collection, IndexUrl, Json, settings_from
from postings_cli.outputs import refuse_inputs, whole_folder
from postings_query.judgements import Judgement, Judgements
from postings_query.judgements.beir_folder import part_of, write_beir_folder
from postings_training.data import JudgedQueries, load_beir

_TRAIN = "train"

Split = Annotated[str, typer.Option(help="Split of the BEIR folder.")]


def list_judgements(
    collection: Collection = None,
    index: IndexUrl = None,
    query: Annotated[str | None, typer.Option(help="List only this query's.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """List judgements of hits.

    Each line has the grade, the query, the document, and who judged it when. Judgements stay when the collection is
    dropped.

    Example: postings judgements list --collection articles
    """
    found = [each for each in _judgements(collection, index) if query in (None, each.query)]
    if as_json:
        print_json([each.to_json() for each in found])
        return
    if not found:
        say("there are no judgements")
    for each in found:
        when = datetime.fromtimestamp(each.at / 1000, UTC).isoformat(sep=" ", timespec="seconds")
        out.print(printable(f"{each.grade}  {each.query}  {each.id}  {each.by}  {when}"))


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.", show_default=False)],
    collection: Collection = None,
    index: IndexUrl = None,
    split: Split = "test",
    train: Annotated[
        float,
        typer.Option(
            help="Share of the queries, chosen by their digest, that goes to the split 'train' instead.", min=0, max=1
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Write judgements and documents as BEIR.

    `postings evaluate`, `mine` and `train` read the folder: it has all documents of the collection. With --train, what
    a model learns from is told apart from what it is measured on.

    Example: postings judgements export testset --collection articles --train 0.5
    """
    settings = settings_from(collection, index)
    refuse_inputs("FOLDER", folder, [], settings, folder=True)
    grades = Judgements.of_settings(settings).grades()
    incomplete: list[str] = []
    with open_index(settings) as opened, whole_folder(folder) as partial, steps_bar() as progress:
        total = collection_size(opened).documents

        def documents() -> Iterator[Document]:
            for done, each in enumerate(export_documents(opened, incomplete=incomplete.append), 1):
                progress("exporting", done, max(total, done + 1))
                yield each.document

        written = write_beir_folder(
            partial, documents(), grades, lambda query_id: _TRAIN if part_of(query_id) < train else split
        )
    say_first((f"only partly stored: {id!r}" for id in incomplete), len(incomplete), "partly stored")
    if written.absent:
        say(f"left out: {written.absent:,} judgements of documents that the collection doesn't have")
    if unwritable := written.unwritable:
        what = "left out, as qrels can't hold a tab or a line end: judgements of"
        say_first((f"{what} {id!r}" for id in unwritable), len(unwritable), "documents")
    if as_json:
        print_json({**asdict(written), "incomplete": incomplete})
    else:
        queries = " and ".join(f"{count:,} in {name!r}" for name, count in written.queries.items())
        out.print(
            printable(
                f"{written.judgements:,} judgements of queries ({queries}) and {written.documents:,} documents "
                f"written to {folder}"
            )
        )
    if incomplete or unwritable:
        raise typer.Exit(REJECTED)


def import_judgements(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="BEIR_FOLDER", help="Holds queries.jsonl and qrels; or ir-datasets:ID.", show_default=False
        ),
    ],
    collection: Collection = None,
    index: IndexUrl = None,
    split: Split = "test",
    as_json: Json = False,
) -> None:
    """Read judgements of a BEIR folder.

    They become those of the collection: of a document that was judged before, the new grade counts. Either all are
    read or, after an error, none.

    Example: postings judgements import beir/scifact --collection scifact
    """
    settings = settings_from(collection, index)
    kept = Judgements.of_settings(settings)
    judged = load_beir(folder, split)
    with open_index(settings) as opened:
        opened.models()  # there is such a collection
    named = folder if is_ir_dataset(folder) else f"{folder.resolve().name}/{split}"
    by = str(named).encode(errors="replace").decode()
    with steps_bar() as progress:
        total = sum(map(len, judged.judgements.values()))

        def each() -> Iterator[Judgement]:
            for done, judgement in enumerate(_judgements_of(judged, by), 1):
                progress("importing", done, total)
                yield judgement

        saved = kept.save(each()).saved
    if as_json:
        print_json({"queries": len(judged.queries), "judgements": saved})
    else:
        out.print(
            printable(f"{saved:,} judgements of {len(judged.queries):,} queries are those of {settings.collection!r}")
        )


def _judgements(collection: str | None, index: str | None) -> Judgements:
    return Judgements.of_settings(settings_from(collection, index))


def _judgements_of(judged: JudgedQueries, by: str) -> Iterator[Judgement]:
    for query_id, grades in judged.judgements.items():
        for id, grade in grades.items():
            yield Judgement(judged.queries[query_id], id, grade, by)
