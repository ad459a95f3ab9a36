"""``postings models``: the models of a collection."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from postings import Settings, open_index
from postings.index.models import CollectionModels
from postings.model_states import check_complete, model_states, roll_back
from postings_cli.commands.switch_check import check_quality
from postings_cli.console import out, print_json, printable
from postings_cli.options import Collection, IndexUrl, Json, settings_from

_Name = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Its name, its folder, or the beginning of its fingerprint (`postings models list`)."
    ),
]


def list_models(collection: Collection = None, index: IndexUrl = None, as_json: Json = False) -> None:
    """List the models of a collection.

    Example: postings models list --collection articles
    """
    settings = settings_from(collection, index)
    with open_index(settings) as opened:
        rows = model_states(opened)
    if as_json:
        print_json({"collection": settings.collection, "models": [asdict(row) for row in rows]})
        return
    table = Table.grid(padding=(0, 2))
    for row in rows:
        filled = f"{row.passages - row.lacking:,} of {row.passages:,} passages"
        table.add_row(printable(row.name), row.fingerprint[:8], row.state, filled)
    out.print(table)


def switch(
    model: _Name,
    collection: Collection = None,
    index: IndexUrl = None,
    evaluate: Annotated[
        Path | None,
        typer.Option(
            "--evaluate",
            metavar="FOLDER",
            help="Measure nDCG@10 on this BEIR folder's judged queries first, with the new model and the active one.",
        ),
    ] = None,
    min_ndcg: Annotated[
        float | None,
        typer.Option(
            "--min-ndcg",
            help="With --evaluate: refuse below this. By default, below the active model's.",
            show_default=False,
        ),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Switch though passages lack vectors: searches won't find these.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make another model the active one.

    Clients that weren't told a model notice it within seconds. `postings models rollback` takes it back.

    Example: postings models switch models/new --evaluate testset --collection articles
    """
    if min_ndcg is not None and evaluate is None:
        raise typer.BadParameter("it needs --evaluate FOLDER", param_hint="--min-ndcg")
    if min_ndcg is not None and not min_ndcg >= 0:  # NaN would let every model pass
        raise typer.BadParameter(f"expected at least 0, got {min_ndcg:g}", param_hint="--min-ndcg")
    settings = settings_from(collection, index)
    with open_index(settings) as opened:
        models = opened.models()
        chosen = models.find(model, settings.collection)
        if not allow_missing:
            check_complete(opened, models, chosen)
        quality = None
        if evaluate is not None and chosen != models.active:
            quality = check_quality(opened, models, chosen, settings, evaluate, min_ndcg)
        _report(opened.switch_model(chosen), settings, as_json=as_json, **(quality or {}))


def rollback(collection: Collection = None, index: IndexUrl = None, as_json: Json = False) -> None:
    """Search with the previous model again.

    Example: postings models rollback --collection articles
    """
    settings = settings_from(collection, index)
    with open_index(settings) as opened:
        _report(roll_back(opened), settings, as_json=as_json)


def drop(model: _Name, collection: Collection = None, index: IndexUrl = None, as_json: Json = False) -> None:
    """Delete a model's vectors from a collection.

    The active model can't be dropped. After the previous one is dropped, there is no way back but `postings reindex`.

    Example: postings models drop tiny --collection articles
    """
    settings = settings_from(collection, index)
    with open_index(settings) as opened:
        models = opened.models()
        dropped = models.find(model, settings.collection)
        left = opened.drop_model(dropped)
        if not as_json:
            out.print(printable(f"the vectors of {models.names[dropped]!r} are deleted"))
        _report(left, settings, as_json=as_json)


def _report(models: CollectionModels, settings: Settings, *, as_json: bool, **quality: float) -> None:
    if as_json:
        print_json({"collection": settings.collection, **models.to_json(), **quality})
        return
    for name, value in quality.items():
        out.print(f"{name} {value:.4f}")
    previous = f", the previous one is {models.names[models.previous]!r}" if models.previous else ""
    out.print(printable(f"{settings.collection!r} is searched with {models.active_name!r}{previous}"))
