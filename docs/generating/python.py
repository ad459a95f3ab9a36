"""The reference of a package's public names, each of which mkdocstrings describes where it is defined."""

from __future__ import annotations

from pathlib import Path

import griffe

_ROOT = Path(__file__).parents[2]
_PATHS = [_ROOT / folder for folder in ("core", "ingest", "query", "training", "adapters")]


def page(argument: str) -> str:
    """A directive for each public name of each module that the argument names.

    The modules are read, not imported: a framework's adapter needn't have its framework.
    """
    modules = argument.split()
    several = len(modules) > 1
    return "\n\n".join(
        part for each in modules for part in ([f"## {each}"] if several else []) + [f"::: {it}" for it in public(each)]
    )


def public(name: str) -> list[str]:
    """Where the public names of a module are defined: those in ``__all__``, else its own."""
    package = name.partition(".")[0]
    loaded = griffe.load(package, search_paths=_PATHS, resolve_aliases=True)
    module = loaded if package == name else loaded[name.removeprefix(f"{package}.")]
    names = module.exports or [
        each.name
        for each in module.members.values()
        if not each.is_alias and not each.name.startswith("_") and (each.is_class or each.is_function)
    ]
    found = [module[str(each)] for each in names]
    return [each.final_target.path if each.is_alias else each.path for each in found]
