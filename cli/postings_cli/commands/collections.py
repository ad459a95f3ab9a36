"""``postings collections``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from postings import Encoder, open_index
from postings.collections import Collection, Collections
from postings.errors import ConfigurationError
from postings.index.collection_size import CollectionSize, collection_size
from postings.index.open import open_embedded
from postings_cli.bars import steps_bar
from postings_cli.console import out, print_json, printable, say
from postings_cli.exit_status import FAILED
from postings_cli.options import IndexUrl, Json, ModelOrTiny, settings_from

Name = Annotated[str, typer.Argument(metavar="NAME", help="The collection.", show_default=False)]


def list_collections(index: IndexUrl = None, as_json: Json = False) -> None:
    """List collections with models and sizes.

    Example: postings collections list --index http://localhost:6333
    """
    found = Collections(settings_from(index_url=index)).list()
    if as_json:
        print_json([_fields(each) for each in found])
        return
    width = max((len(each.name) for each in found), default=0)
    for each in found:
        parts = [_size(each.size)] if each.size else []
        parts += [f"model {each.models.active_name!r}"] if each.models else []
        parts += [f"and {len(each.models.others)} other"] if each.models and each.models.others else []
        parts += [each.problem] if each.problem else []
        out.print(printable(f"{each.name:<{width}}  {', '.join(parts)}"))


def create(name: Name, index: IndexUrl = None, model: ModelOrTiny = None, as_json: Json = False) -> None:
    """Create an empty collection for a model.

    Ingesting creates a collection too; this is for a collection whose model is settled before there are documents.

    Example: postings collections create articles --model ./my-splade
    """
    settings = settings_from(name, index, model)
    models = Collections(settings).create(name, Encoder.from_settings(settings))
    if as_json:
        print_json({"collection": name, "model": models.active_name, "fingerprint": models.active})
    else:
        out.print(printable(f"{name!r} created for model {models.active_name!r}"))


def drop(
    name: Name,
    index: IndexUrl = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a collection.

    All its documents and models are lost; you are asked before, unless you give `--yes`.

    Example: postings collections drop articles --yes
    """
    settings = settings_from(name, index)
    with open_index(settings) as opened:
        models, size = opened.models(), collection_size(opened)
    lost = f"{_size(size)} and the vectors of {', '.join(map(repr, models.names.values()))}"
    if not yes and not _confirmed(printable(f"drop {name!r} with {lost}?")):
        say("nothing was dropped")
        raise typer.Exit(FAILED)
    Collections(settings).drop(name)
    if as_json:
        print_json({"collection": name, **asdict(size), "models": list(models.names.values())})
    else:
        out.print(printable(f"{name!r} dropped, with {lost}"))


def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The collection to copy.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The new collection.", show_default=False)],
    index: IndexUrl = None,
    as_json: Json = False,
) -> None:
    """Copy a collection to a new one.

    The copy has its models, vectors and deletes. On a server, each point is copied as it is when it is read. If a
    document is written meanwhile, ingest it into the copy too.

    Example: postings collections copy articles articles-of-may
    """
    settings = settings_from(source, index)
    with steps_bar() as progress:
        Collections(settings).copy(source, target, lambda done, total: progress("copying points", done, total))
    with open_index(settings.of_collection(target)) as opened:
        size = collection_size(opened)
    if as_json:
        print_json({"source": source, "target": target, **asdict(size)})
    else:
        out.print(printable(f"{source!r} copied to {target!r}: {_size(size)}"))


def optimize(name: Name, index: IndexUrl = None, as_json: Json = False) -> None:
    """Write index files, and free deleted space.

    A folder's collection is optimized when documents are written, but not one that an earlier version created: run this
    once, and it takes a third of the memory and opens in a quarter of the time. It needs disk space for a copy, and
    twice the memory meanwhile. A server optimizes its collections by itself.

    Example: postings collections optimize articles
    """
    settings = settings_from(name, index)
    if settings.index_folder is None:
        raise ConfigurationError("a Qdrant server optimizes its collections by itself: name a folder with --index")
    with open_embedded(settings) as opened:
        opened.optimize()
        size = collection_size(opened)
    if as_json:
        print_json({"collection": name, **asdict(size)})
    else:
        out.print(printable(f"{name!r} optimized: {_size(size)}"))


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            "nobody can be asked, because standard input isn't a terminal: pass --yes", param_hint="drop"
        )
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        return False


def _size(size: CollectionSize) -> str:
    about = "about " if size.approximate else ""
    return f"{about}{size.documents:,} documents ({size.passages:,} passages)"


def _fields(found: Collection) -> dict[str, Any]:
    models = found.models
    return {
        "collection": found.name,
        **(asdict(found.size) if found.size else {}),
        "model": models.active_name if models else None,
        "fingerprint": models.active if models else None,
        "models": [{"model": name, "fingerprint": each} for each, name in models.names.items()] if models else [],
        "problem": found.problem,
    }
