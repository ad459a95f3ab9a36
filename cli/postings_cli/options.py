"""Options that several commands share; each overrides the setting of its name."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from postings import Settings
from postings.errors import InvalidFilter
from postings_ingest.queue.served_broker import with_served_broker

Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="The collection (POSTINGS_COLLECTION).", show_default=False)
]
IndexUrl = Annotated[
    str | None,
    typer.Option(
        "--index", help="The index: a folder, or the URL of a Qdrant server (POSTINGS_INDEX_URL).", show_default=False
    ),
]


def _model(what: str, otherwise: str) -> Any:
    help = f"{what}: 'tiny', a folder, or a hub id (POSTINGS_MODEL). {otherwise}"
    return typer.Option("--model", "-m", help=help, show_default=False)


Model = Annotated[str | None, _model("The model", "By default, the collection's.")]
ModelOrTiny = Annotated[str | None, _model("The model", "By default, 'tiny'.")]
ModelToAdd = Annotated[str | None, _model("The model to add", "Required.")]
Filter = Annotated[
    str | None,
    typer.Option("--filter", help="Qdrant filter in JSON, for example on metadata.<key>.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def settings_from(
    collection: str | None = None, index_url: str | None = None, model: str | None = None, **others: object
) -> Settings:
    """The settings, with the options that were given, and the broker that runs beside the index folder.

    ``others`` are settings by name, ``None`` where not given.
    """
    return with_served_broker(own_settings_from(collection, index_url, model, **others))


def own_settings_from(
    collection: str | None = None, index_url: str | None = None, model: str | None = None, **others: object
) -> Settings:
    """The same without that broker, for the command that runs it."""
    given: dict[str, Any] = {"collection": collection, "index_url": index_url, "model": model, **others}
    return Settings(**{name: value for name, value in given.items() if value is not None})


_FILTER_EXPECTED = """--filter: expected JSON such as '{"must": [{"key": "metadata.n", "match": {"value": 1}}]}'"""


def parsed_filter(filter: str | None) -> dict[str, Any] | None:
    """The filter of the option.

    Raises:
        InvalidFilter: it isn't a JSON object.
    """
    if filter is None:
        return None
    try:
        parsed = json.loads(filter)
    except (ValueError, RecursionError) as error:
        raise InvalidFilter(f"{_FILTER_EXPECTED}, got {filter!r:.100}, which isn't JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise InvalidFilter(f"{_FILTER_EXPECTED}, got {filter!r:.100}")
    return parsed
