"""``postings get``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from postings import Encoder, Index, Settings, open_index
from postings.collection_models import load_model
from postings.errors import ModelError
from postings.index.tenants import check_names_tenant
from postings.indexed_documents import IndexedDocument, get_document
from postings.passage_weights import document_fields, heaviest
from postings_cli.console import out, print_json, printable, say
from postings_cli.exit_status import FAILED
from postings_cli.options import Collection, IndexUrl, Json, settings_from

_SHOWN = 10


def get(
    id: Annotated[str, typer.Argument(metavar="ID", help="The document's id.", show_default=False)],
    collection: Collection = None,
    index: IndexUrl = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Show the weights of this model of the collection; by default, of the active one."
        ),
    ] = None,
    weights: Annotated[
        int | None,
        typer.Option("--weights", help=f"Weights to show of each passage; by default {_SHOWN}, in JSON all.", min=0),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a document, its passages and weights.

    Each passage's weights are shown with their words, the largest first.

    Example: postings get intro --weights 20
    """
    settings = settings_from(collection, index)
    check_names_tenant(settings)
    with open_index(settings) as opened:
        encoder, fingerprint = _model(opened, model, settings)
        found = get_document(opened, id, vectors=[fingerprint])
    if found is None:
        say(f"error: there is no document {id!r} in collection {settings.collection!r}, or it is only partly stored")
        raise typer.Exit(FAILED)
    shown = [
        heaviest(each.get(fingerprint), encoder, weights if as_json else _SHOWN if weights is None else weights)
        for each in found.vectors
    ]
    if as_json:
        print_json(document_fields(found, fingerprint, shown))
    else:
        _show(found, shown)


def _model(index: Index, model: str | None, settings: Settings) -> tuple[Encoder | None, str]:
    """The model whose weights are shown; without its encoder, their words aren't known."""
    models = index.models()
    fingerprint = models.active if model is None else models.find(model, index.collection)
    try:
        return load_model(models, fingerprint, settings), fingerprint
    except ModelError as error:
        say(f"weights are shown with numbers instead of words: {error}")
        return None, fingerprint


def _show(found: IndexedDocument, weights: list[list[tuple[str, float]]]) -> None:
    document = found.document
    metadata = json.dumps(dict(document.metadata), ensure_ascii=False)
    for name, value in (("id", document.id), ("title", document.title), ("version", document.version)):
        out.print(printable(f"{name:<9} {value}"))
    out.print(printable(f"{'metadata':<9} {metadata}"))
    for passage, each in zip(found.passages, weights, strict=True):
        out.print(f"\npassage {passage.ordinal}, characters {passage.start:,} to {passage.end:,}")
        out.print(printable(passage.text))
        if each:
            out.print(printable("  ".join(f"{token} {weight:.2f}" for token, weight in each)))
