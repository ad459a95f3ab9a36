"""Where data and models lie on the machine that trained, which is nobody else's business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from postings_training.leaks.provenance import Source, place_name


def without_places(record: Mapping[str, Any]) -> dict[str, Any]:
    """A model's record with the names of files and folders in place of their paths; ids stay as they are.

    Args:
        record: as :meth:`.Record.to_json` returns it, or read from JSON.
    """
    recipe = record["recipe"]
    data, evaluation = recipe["data"], recipe["evaluation"]
    recipe = {
        **recipe,
        "base": place_name(recipe["base"]),
        "data": {**data, "sources": _names(data["sources"]), "leave_out": _names(data["leave_out"])},
        "teachers": tuple(
            {**each, "model": each["model"] and place_name(each["model"])} for each in recipe["teachers"]
        ),
        "evaluation": {**evaluation, "sets": _names(evaluation["sets"])},
    }
    return {**record, "recipe": recipe, "data": [{**each, "path": Source(**each).name} for each in record["data"]]}


def _names(places: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(place_name, places))
