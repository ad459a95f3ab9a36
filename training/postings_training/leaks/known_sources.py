"""The data that models were trained on, wherever it is now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from postings.arguments import as_list
from postings.errors import InvalidInput, ReaderError
from postings_training.leaks.provenance import Source, digest, trained_on


def known_sources(models: Iterable[str], given: Iterable[Path] = ()) -> tuple[list[Source], list[str]]:
    """All that models were trained on, as their folders and the user say.

    Args:
        models: folders, or the bundled model's name.
        given: data of a digest that a folder names, wherever they lie now: the rows of them that were trained on count.
            Others are what models were trained on whose folders don't say so: all their rows count.

    Returns:
        What can be read, each once, and a remark on each model of whose data some can't.

    Raises:
        InvalidInput: what came holds no models or no paths.
        ModelNotFound: there is no such model.
        ReaderError: a record, or what the user names, can't be read.
    """
    places = as_list("given", given, Path, InvalidInput)
    records = {model: trained_on(model) for model in as_list("models", models, str, InvalidInput)}
    digest_of = cache(_digest_if_any)
    found: list[Source] = []
    remarks = []
    named = set()
    for model, record in records.items():
        missing: dict[str, list[str]] = {}
        for source in record or ():
            place = next((place for place in places if digest_of(place, source.split) == source.digest), None)
            if place is not None:
                named.add(place)
                found.append(replace(source, path=str(place)))
            elif reason := source.changed():
                missing.setdefault(reason, []).append(source.path)
            else:
                found.append(source)
        if missing:
            told = "; ".join(f"{', '.join(paths)} ({reason})" for reason, paths in missing.items())
            remarks.append(f"not checked for leaks, though {model} was trained on it: {told}")
    silent = None in records.values()
    found.extend(Source.of(place) for place in places if silent or place not in named)
    return list(dict.fromkeys(found)), remarks


def _digest_if_any(path: Path, split: str) -> str | None:
    try:
        return digest(path, split)
    except ReaderError:
        return None
