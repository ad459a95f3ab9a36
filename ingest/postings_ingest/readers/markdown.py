"""Markdown: the first heading becomes the title, and front matter, as static site generators use it, metadata."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from typing import Any

_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(.*?)^(?:\1|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_LONGEST, _DEEPEST = 2**16, 32
_SCALARS = (
    ("bool", r"(true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    ("null", r"(~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    ("int", r"-?(0|[1-9]\d*)\Z", "-0123456789"),
    ("float", r"(-?(0|[1-9]\d*)\.\d+([eE][-+]?\d+)?|-?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z", "-.0123456789"),
)


def split_front_matter(text: str) -> tuple[dict[str, Any], str, str | None]:
    r"""Split a text into its front matter (YAML between ``---``, TOML between ``+++``) and the rest.

    Front matter that can't be read stays in the text, and the third value says why: it isn't valid, has more than 64
    KiB or 32 levels, or has YAML aliases, with which a few lines can expand to gigabytes. A paragraph between two
    horizontal rules isn't front matter.

    Example:
        >>> split_front_matter("---\ntags: [news]\n---\n# A title\n")
        ({'tags': ['news']}, '# A title\n', None)
    """
    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}, text, None
    if len(found[2]) > _LONGEST:
        return {}, text, f"it has more than {_LONGEST // 1024} KiB"
    try:
        fields = _toml(found[2]) if found[1] == "+++" else _yaml(found[2])
    except (ValueError, RecursionError) as error:
        return {}, text, str(error).partition("\n")[0] or "it is nested too deeply"
    return ({}, text, None) if fields is None else (fields, text[found.end() :], None)


def heading(text: str) -> str | None:
    """The first line of a text, if it is a heading of the first level."""
    first = text.lstrip().partition("\n")[0]
    return (first[2:].strip() or None) if first.startswith("# ") else None


def _toml(text: str) -> dict[str, Any]:
    return tomllib.loads(text.replace("\r\n", "\n"))


def _yaml(text: str) -> dict[str, Any] | None:
    """The fields; ``None`` if the text isn't a mapping.

    Raises:
        ValueError: it isn't valid, or isn't safe to read.
    """
    import yaml

    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise ValueError(f"it has more than {_DEEPEST} levels")
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("it has an alias")
        fields = yaml.load(text, _loader())  # noqa: S506 # it is the safe one
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 2}: " if mark else ""
        raise ValueError(f"{place}{getattr(error, 'problem', None) or 'invalid YAML'}") from error
    if fields is None:
        return {}
    return dict(fields) if isinstance(fields, Mapping) else None


@functools.cache
def _loader() -> type:
    """YAML's safe loader, limited to JSON's scalars: otherwise ``no`` would be false, and 12:30:45 a number."""
    import yaml

    loader = type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": {}})
    for kind, form, first in _SCALARS:
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(form), list(first))  # type: ignore[attr-defined]
    return loader
