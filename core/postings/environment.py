"""Where a setting came from, and variables that look like settings and aren't."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

PREFIX = "POSTINGS_"
_OTHERS = re.compile(
    r"POSTINGS_(TEST_.*|TRACEBACK|WORKER_PARENT|MODELS"
    # What Kubernetes sets for each service of the namespace.
    r"|.*_SERVICE_HOST|.*_SERVICE_PORT(_.*)?|.*_PORT(_\d+_(TCP|UDP)(_.*)?)?)"
)
"""Names that mean something elsewhere."""

log = logging.getLogger(__name__)

_warned: set[str] = set()


def origin(field: str, arguments: Collection[str], dotenv: str) -> str:
    """Where the value of a setting was read, in brackets; nothing for an argument.

    Args:
        field: its name.
        arguments: names that were passed, which win over all else.
        dotenv: the name of the file of variables.
    """
    variable = f"{PREFIX}{field.upper()}"
    if field in arguments:
        return ""
    if variable in _names(os.environ):
        return f" ({variable} in the environment)"
    if variable in _names(_in_file(dotenv)):
        return f" ({variable} in {dotenv})"
    return " (postings.toml)"


def warn_of_unknown(fields: Iterable[str], environment: Mapping[str, object], dotenv: Mapping[str, object]) -> None:
    """Log each variable that begins as a setting's does and isn't one, once in this process, with the nearest name."""
    known = [f"{PREFIX}{field.upper()}" for field in fields]
    for place, variables in (("the environment", environment), (".env", dotenv)):
        for name in sorted(_names(variables)):
            if not name.startswith(PREFIX) or name in known or name in _warned or _OTHERS.fullmatch(name):
                continue
            _warned.add(name)
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
            meant = f": did you mean {near[0]}?" if near else ", and changes nothing"
            log.warning("%s in %s isn't a setting%s", name, place, meant)


def check_lines(dotenv: str) -> None:
    """Raise ``ValueError`` if a line of the file of variables can't be read: its setting would be dropped."""
    if Path(dotenv).is_file():
        from dotenv.parser import parse_stream

        with Path(dotenv).open(encoding="utf-8-sig") as file:
            for binding in parse_stream(file):
                if binding.error:
                    raise ValueError(f"line {binding.original.line}: expected NAME=value")


def _names(variables: Iterable[str]) -> set[str]:
    return {name.upper() for name in variables}


def _in_file(dotenv: str) -> Iterable[str]:
    from dotenv import dotenv_values

    return dotenv_values(dotenv, encoding="utf-8-sig") if Path(dotenv).is_file() else ()
