"""Finding the data that models were trained on, also if they have moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from postings.arguments import as_list
from postings.errors import InvalidInput, ReaderError
from postings_training.leaks.provenance import Source, digest, trained_on


def known_sources(models: Iterable[str], given: Iterable[Path] = ()) -> tuple[list[Source], list[str]]:
    """Find all data that models were trained on, by the records in their folders and by what the user names.

    Args:
        models: folders, or the name of the bundled model.
        given: training data that the user names. If a record has the digest of such data, this is where they are now,
            and only the rows that were trained on count. Otherwise they are the data of the models without a record,
            and all rows count.

    Returns:
        The sources that can be read, each once, and a remark on each model with data that can't.

    Raises:
        InvalidInput: the arguments aren't iterables of models and paths.
        ModelNotFound: there is no such model.
        ReaderError: a record, or data that the user names, can't be read.
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
            unread = "; ".join(f"{', '.join(paths)} ({reason})" for reason, paths in missing.items())
            remarks.append(f"not checked for leaks, though {model} was trained on it: {unread}")
    silent = None in records.values()
    found.extend(Source.of(place) for place in places if silent or place not in named)
    return list(dict.fromkeys(found)), remarks


def _digest_if_any(path: Path, split: str) -> str | None:
    try:
        return digest(path, split)
    except ReaderError:
        return None
