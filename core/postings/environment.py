"""The sources of settings in the environment: which one a value came from, and variables that aren't settings."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

PREFIX = "POSTINGS_"
_KNOWN_OTHERS = re.compile(
    r"POSTINGS_(TEST_.*|TRACEBACK|WORKER_PARENT|MODELS"
    # Kubernetes sets these for each service of the namespace.
    r"|.*_SERVICE_HOST|.*_SERVICE_PORT(_.*)?|.*_PORT(_\d+_(TCP|UDP)(_.*)?)?)"
)
"""Variables with another meaning."""

log = logging.getLogger(__name__)

_warned: set[str] = set()


def origin(field: str, arguments: Collection[str], dotenv: str) -> str:
    """Where the value of a setting came from, in brackets, for messages; empty for an argument.

    Args:
        field: the name of the setting.
        arguments: names of the settings that were passed as arguments; these override all others.
        dotenv: the path of ``.env``.
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
    """Warn of each variable that starts with ``POSTINGS_`` but isn't a setting, once in this process."""
    known = [f"{PREFIX}{field.upper()}" for field in fields]
    for source, variables in (("the environment", environment), (".env", dotenv)):
        for name in sorted(_names(variables)):
            if not name.startswith(PREFIX) or name in known or name in _warned or _KNOWN_OTHERS.fullmatch(name):
                continue
            _warned.add(name)
            similar = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            advice = f": did you mean {similar[0]}?" if similar else ", and has no effect"
            log.warning("%s in %s isn't a setting%s", name, source, advice)


def check_lines(dotenv: str) -> None:
    """Raise ``ValueError`` if a line of ``.env`` can't be read: its setting would be ignored."""
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
