"""A recipe as a TOML file with all its settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import wrap
from typing import Any, Literal, get_args, get_origin

from postings_training.recipes.recipe import Recipe
from postings_training.recipes.section import Section

_WIDTH = 120


def as_toml(recipe: Recipe) -> str:
    """Write a recipe with all settings, each below what it is for.

    :func:`.load_recipe` reads the same recipe from it. A setting without a value stands in a comment.

    Example:
        >>> from postings_training import load_recipe
        >>> print(as_toml(load_recipe("tiny")))
        # Model to start from: 'tiny', a folder or a hub id
        base = "tiny"
        ...
    """
    return "\n".join(_lines(recipe)) + "\n"


def _lines(section: Section, path: str = "") -> Iterator[str]:
    inner = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            inner.append((f"[{path}{name}]", value))
        elif isinstance(value, tuple) and value and isinstance(value[0], Section):
            inner += [(f"[[{path}{name}]]", each) for each in value]
        else:
            yield from (f"# {line}" for line in wrap(field.description or "", _WIDTH - 2))
            if get_origin(field.annotation) is Literal:
                yield f"# One of {', '.join(map(_toml, get_args(field.annotation)))}"
            yield f"# {name} =" if value is None else f"{name} = {_toml(value)}"
    for header, each in inner:
        yield ""
        yield header
        yield from _lines(each, header.strip("[]") + ".")


def _toml(value: Any) -> str:
    # JSON's strings, numbers, booleans and lists are TOML's too, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
