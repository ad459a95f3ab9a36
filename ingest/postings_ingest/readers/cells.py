"""The types of columns whose cells are text: declared, or inferred from all cells."""

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
"""An exponent without a decimal point needs a sign: 12E3 may be a product code."""
_EXACT = 2**53
"""A float holds every integer up to this one."""
_TRIED: dict[str | None, tuple[str, ...]] = {
    None: ("integer", "long", "float", "boolean"),
    "integer": ("long", "float"),
}
"""The types to try if a cell doesn't fit a column's type; a long is an integer too large to mix with floats."""
_DECLARED_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"^([+-]?[0-9]+)\.0*$")
_TRUTHS = {"true": True, "false": False}
_DECLARED_TRUTHS = {**_TRUTHS, "1": True, "0": False, "yes": True, "no": False}


def check_types(types: Mapping[str, str]) -> dict[str, str]:
    """Check declared types; returns them by their full names.

    Raises:
        ReaderError: a type isn't ``text``, ``integer``, ``float`` or ``boolean``.
    """
    checked = {column: _ALIASES.get(type, type) for column, type in types.items()}
    for column, type in checked.items():
        if type not in TYPES:
            raise ReaderError(f"the type of column {column!r} must be one of {', '.join(TYPES)}, got {type!r}")
    return checked


def read_types(text: str) -> dict[str, str]:
    """Read types by column from one text.

    Raises:
        ReaderError: a part has no equals sign.

    Example:
        >>> read_types("year=integer, price=float")
        {'year': 'integer', 'price': 'float'}
    """
    pairs = [pair.rpartition("=") for pair in text.split(",")] if text else []
    for _, equals, type in pairs:
        if not equals:
            raise ReaderError(f"expected COLUMN=TYPE, got {type!r}")
    return {column.strip(): type.strip() for column, _, type in pairs}


def guess_types(rows: Iterable[Sequence[str]], columns: Iterable[int]) -> dict[int, str]:
    """Infer the types of columns: the type that fits every cell; empty cells and NaN are ignored.

    ``true`` and ``false``, in upper or lower case, are boolean. A column is text if a number would lose part of a cell:
    leading zeros, as in postal codes, a plus sign, or digits beyond 64 bits (beyond 2**53 if other cells are floats).
    A column of codes such as 12E3 is text, because an exponent needs a decimal point or a sign. A column without any
    value is text, too.

    Example:
        >>> guess_types([["2020", "2.5", "01234"], ["", "30", "99999"]], [0, 1, 2])
        {2: 'text', 0: 'integer', 1: 'float'}
    """
    left: dict[int, str | None] = dict.fromkeys(columns)
    decided: dict[int, str] = {}
    for cells in rows:
        for column, type in list(left.items()):
            cell = cells[column].strip()
            if is_empty(cell) or (type is not None and _reads_as(type, cell)):
                continue
            found = next((each for each in _TRIED.get(type, ()) if _reads_as(each, cell)), None)
            if found is None:
                decided[column] = "text"
                del left[column]
            else:
                left[column] = found
        if not left:
            break
    return decided | {column: "integer" if type == "long" else type or "text" for column, type in left.items()}


def typed(name: str, cell: str, type: str) -> str | int | float | bool | None:
    """Convert a cell to its column's type. An empty cell is null, except in a text column.

    Raises:
        InvalidDocument: it doesn't fit the type, which happens only with declared types.
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
    """Whether a cell holds no value; NaN counts as none."""
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
