"""The types of a table's columns, where cells are text: declared, or told from all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from postings.errors import InvalidDocument, ReaderError
from postings_ingest.readers.forms import json_form

TYPES = ("text", "integer", "float", "boolean")
"""The names of the types."""

_ALIASES = {"str": "text", "string": "text", "int": "integer", "bool": "boolean"}
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_FLOAT = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DECLARED_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_TRUTHS = {"true": True, "false": False}
_DECLARED_TRUTHS = {**_TRUTHS, "1": True, "0": False, "yes": True, "no": False}


def check_types(types: Mapping[str, str]) -> dict[str, str]:
    """Give declared types by their names here.

    Raises:
        ReaderError: one is none of ``text``, ``integer``, ``float`` and ``boolean``.
    """
    checked = {column: _ALIASES.get(type, type) for column, type in types.items()}
    for column, type in checked.items():
        if type not in TYPES:
            raise ReaderError(f"the type of column {column!r} must be one of {', '.join(TYPES)}, got {type!r}")
    return checked


def guess_types(rows: Iterable[Sequence[str]], columns: Iterable[int]) -> dict[int, str]:
    """Tell the types of columns: one as which every cell reads; empty cells and NaN count for nothing.

    ``true`` and ``false`` in any case are boolean. What a number would lose makes its column text: leading zeros, as
    postal codes have them, a plus sign, digits beyond 64 bits. So is a column without a value.

    Example:
        >>> guess_types([["2020", "2.5", "01234"], ["", "30", "99999"]], [0, 1, 2])
        {2: 'text', 0: 'integer', 1: 'float'}
    """
    left: dict[int, str | None] = dict.fromkeys(columns)
    told: dict[int, str] = {}
    for cells in rows:
        for column, type in list(left.items()):
            cell = cells[column].strip()
            if _is_empty(cell) or (type is not None and _reads_as(type, cell)):
                continue
            tried = ("float",) if type == "integer" else () if type else ("integer", "float", "boolean")
            found = next((each for each in tried if _reads_as(each, cell)), None)
            if found is None:
                told[column] = "text"
                del left[column]
            else:
                left[column] = found
        if not left:
            break
    return told | {column: type or "text" for column, type in left.items()}


def typed(name: str, cell: str, type: str) -> str | int | float | bool | None:
    """Give a cell its column's type; an empty one is null, but in a column of text.

    Raises:
        InvalidDocument: it doesn't read as that, which only a declared type can bring.
    """
    bare = cell.strip()
    if type == "text":
        return cell
    if _is_empty(bare):
        return None
    if type == "boolean" and bare.lower() in _DECLARED_TRUTHS:
        return _DECLARED_TRUTHS[bare.lower()]
    if type != "boolean" and len(bare) < 4000 and _DECLARED_NUMBER.fullmatch(bare):
        try:
            return json_form(int(bare) if type == "integer" else float(bare))  # type: ignore[no-any-return]
        except ValueError:
            pass
    raise InvalidDocument(f"{name} must be {'an' if type == 'integer' else 'a'} {type}, got {cell!r:.100}")


def _is_empty(cell: str) -> bool:
    return not cell or cell.lower() == "nan"


def _reads_as(type: str, cell: str) -> bool:
    if type == "boolean":
        return cell.lower() in _TRUTHS
    if type == "integer":
        return _INTEGER.fullmatch(cell) is not None and -(2**63) <= int(cell) < 2**63
    if len(cell) > 400 or not _FLOAT.fullmatch(cell) or not math.isfinite(float(cell)):
        return False
    return not cell.lstrip("-").isdigit() or _reads_as("integer", cell) or cell == "-0"
