"""The tables of a recipe's settings, from its sections; and the recipes that are bundled."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, get_args

from generating.settings import default, shown_type
from generating.tables import code, prose, table
from postings_training.recipes.recipe import Recipe
from postings_training.recipes.section import Section


def page(argument: str = "") -> str:
    """The settings of all sections, or with ``recipes`` the bundled recipes as they are."""
    return recipes() if argument == "recipes" else sections()


def sections() -> str:
    """A table for each section."""
    base = Recipe.model_fields["base"]
    parts = [f"`base`: {base.description}."]
    for name, field in Recipe.model_fields.items():
        if (model := _section(field.annotation)) is not None:
            many = "[[" if get_args(field.annotation) else "["
            rows = [
                [code(f"{name}.{key}"), shown_type(each), default(each), prose(each.description or "")]
                for key, each in model.model_fields.items()
            ]
            closing = many.replace("[", "]")
            said = (model.__doc__ or "").partition("\n")[0]
            parts.append(
                f"## `{many}{name}{closing}` {{ #{name} }}\n\n{said}\n\n"
                + table(["setting", "type", "default", "meaning"], rows)
            )
    return "\n\n".join(parts)


def recipes() -> str:
    """Each bundled recipe as a block of TOML."""
    folder = files("postings_training.recipes")
    found = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name)
    return "\n\n".join(
        f"### {each.name.removesuffix('.toml')}\n\n```toml\n{each.read_text(encoding='utf-8')}```" for each in found
    )


def _section(annotation: Any) -> type[Section] | None:
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, Section):
            return each
    return None
