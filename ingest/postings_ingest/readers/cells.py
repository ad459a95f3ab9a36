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
_FLOAT = re.compile(
    r"-?(?:(?:0|[1-9][0-9]*)(?:[eE][+-][0-9]+)?|(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
)
"""Without a point an exponent needs its sign: 12E3 may be the code of a product."""
_EXACT = 2**53
"""Up to here a float holds every integer."""
_TRIED: dict[str | None, tuple[str, ...]] = {
    None: ("integer", "long", "float", "boolean"),
    "integer": ("long", "float"),
}
"""What a column may be instead when a cell doesn't read as what it was; a long is an integer that no float may join."""
_DECLARED_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"^([+-]?[0-9]+)\.0*$")
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

    ``true`` and ``false`` in any case are boolean. A column is text if a number would lose something of a cell: leading
    zeros, as postal codes have them, a plus sign, digits beyond 64 bits, or beyond 2**53 where other cells are floats.
    So is a column of codes such as 12E3, since an exponent needs a point before it or a sign, and one without a value.

    Example:
        >>> guess_types([["2020", "2.5", "01234"], ["", "30", "99999"]], [0, 1, 2])
        {2: 'text', 0: 'integer', 1: 'float'}
    """
    left: dict[int, str | None] = dict.fromkeys(columns)
    told: dict[int, str] = {}
    for cells in rows:
        for column, type in list(left.items()):
            cell = cells[column].strip()
            if is_empty(cell) or (type is not None and _reads_as(type, cell)):
                continue
            found = next((each for each in _TRIED.get(type, ()) if _reads_as(each, cell)), None)
            if found is None:
                told[column] = "text"
                del left[column]
            else:
                left[column] = found
        if not left:
            break
    return told | {column: "integer" if type == "long" else type or "text" for column, type in left.items()}


def typed(name: str, cell: str, type: str) -> str | int | float | bool | None:
    """Give a cell its column's type; an empty one is null, but in a column of text.

    Raises:
        InvalidDocument: it doesn't read as that, which only a declared type can bring.
    """
    bare = cell.strip()
    if type == "text":
        return cell
    if is_empty(bare):
        return None
    if type == "boolean" and bare.lower() in _DECLARED_TRUTHS:
        return _DECLARED_TRUTHS[bare.lower()]
    if type != "boolean" and len(bare) < 4000 and _DECLARED_NUMBER.fullmatch(bare):
        try:
            number = int(_WHOLE.sub(r"\1", bare)) if type == "integer" else float(bare)
            return json_form(number)  # type: ignore[no-any-return]
        except ValueError:
            pass
    raise InvalidDocument(f"{name} must be {'an' if type == 'integer' else 'a'} {type}, got {cell!r:.100}")


def is_empty(cell: str) -> bool:
    """Whether a cell holds no value; NaN is none."""
    return not cell or cell.lower() == "nan"


def _reads_as(type: str, cell: str) -> bool:
    if type == "boolean":
        return cell.lower() in _TRUTHS
    if type in ("integer", "long"):
        limit = _EXACT if type == "integer" else 2**63
        return _INTEGER.fullmatch(cell) is not None and (-limit <= int(cell) < limit or abs(int(cell)) == _EXACT)
    if len(cell) > 400 or not _FLOAT.fullmatch(cell) or not math.isfinite(float(cell)):
        return False
    return not cell.lstrip("-").isdigit() or abs(int(cell)) <= _EXACT
