"""Reading recipes: short TOML files, bundled or the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from postings.arguments import as_list
from postings.errors import ConfigurationError
from postings_training.recipes.recipe import Recipe

RECIPES = Path(__file__).parent
"""Where the bundled recipes are, one TOML file each."""


def recipe_names() -> list[str]:
    """The names of the bundled recipes.

    Example:
        >>> recipe_names()
        ['csr-distill', 'csr-nq', 'distill', 'inference-free', 'judged', 'splade-gooaq', 'splade-nq', 'tiny']
    """
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name: str, changes: Iterable[str] = (), **replaced: Any) -> Recipe:
    """Read a recipe and change some of its settings.

    Args:
        name: a bundled name, or the path of a TOML file.
        changes: ``section.setting=value`` each; a value that isn't TOML is taken as a string.
        replaced: values by setting, with ``__`` for the dot of ``section.setting``; ``None`` changes nothing.

    Raises:
        ConfigurationError: there is no such recipe, it isn't TOML, or a setting is unknown, missing or impossible.

    Example:
        >>> load_recipe("tiny", ["training.epochs=3", "data.sources=['pairs.jsonl']"]).training.epochs
        3.0
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # editors of Windows begin files with a mark
    except OSError as error:
        expected = f"expected one of {', '.join(recipe_names())}, or the path of a TOML file"
        raise ConfigurationError(f"there is no recipe {name!r} ({error.strerror or error}): {expected}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the recipe {path} isn't TOML: {error}") from error
    for change in as_list("changes", changes, str, ConfigurationError):
        key, equals, value = change.partition("=")
        if not equals:
            raise ConfigurationError(f"expected section.setting=value, got {change!r}")
        _put(content, key.strip(), _value(value.strip()))
    for key, value in replaced.items():
        if value is not None:
            _put(content, key.replace("__", "."), value)
    return checked(content, f"recipe {name!r}" if path.parent == RECIPES else str(path))


def checked(content: Mapping[str, Any], origin: str) -> Recipe:
    """Make a recipe of the content of a TOML file.

    Raises:
        ConfigurationError: a setting is unknown, missing or impossible; the message names it.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"{origin}: {'; '.join(map(_reason, error.errors()))}") from error


def _reason(error: ErrorDetails) -> str:
    named = ".".join(map(str, error["loc"])) or "recipe"
    if error["type"] == "extra_forbidden":
        return f"there is no setting {named!r}: expected one of {', '.join(_settings_beside(error['loc']))}"
    got = "" if isinstance(error["input"], dict | Recipe) else f", got {error['input']!r}"
    return f"{named}: {error['msg'].removeprefix('Value error, ')}{got}"


def _settings_beside(place: tuple[int | str, ...]) -> Iterable[str]:
    section: Any = Recipe
    for name in place[:-1]:  # an int is the place of a teacher among several
        section = get_args(section)[0] if isinstance(name, int) else section.model_fields[name].annotation
    return list(section.model_fields)


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *sections, setting = key.split(".")
    for section in sections:
        inner = content.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"{section!r} is a setting, not a section: expected section.setting, got {key!r}")
        content = inner
    content[setting] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
