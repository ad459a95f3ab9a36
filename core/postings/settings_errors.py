"""What pydantic says about a setting, as an error of Postings, without secrets."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NoReturn

from pydantic import ValidationError
from pydantic_settings import SettingsError

from postings.environment import PREFIX, origin
from postings.errors import ConfigurationError


def raise_invalid(error: ValidationError, arguments: Collection[str], dotenv: str, secret: Collection[str]) -> NoReturn:
    """Raise the error for a value that a setting can't have.

    Args:
        error: of pydantic.
        arguments: names of the settings that were passed as arguments.
        dotenv: the path of ``.env``.
        secret: names of the settings whose values aren't shown.

    Raises:
        ConfigurationError: always.
    """
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"])) or "postings.toml"
    field = name.partition(".")[0]
    reason = first["msg"].removeprefix("Value error, ")
    message = f"setting {name!r}{origin(field, arguments, dotenv)}: {reason}"
    if field in secret:
        hidden = "" if ", got " in message else " (the value isn't shown)"
        raise ConfigurationError(f"{message}{hidden}") from None
    raise ConfigurationError(f"{message}, got {first['input']!r:.100}") from error


def raise_not_json(error: SettingsError, dotenv: str) -> NoReturn:
    """Raise the error for a variable that should hold JSON.

    Raises:
        ConfigurationError: always.
    """
    named = re.search(r'field "(\w+)"', str(error))
    field = named[1] if named else ""
    # Both are read, even if one overrides the other.
    source = dotenv if "DotEnv" in str(error) else "the environment"
    raise ConfigurationError(
        f"setting {field!r} ({PREFIX}{field.upper()} in {source}): expected JSON: {error.__cause__}"
    ) from error
