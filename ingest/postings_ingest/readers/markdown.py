"""Markdown: its first heading is the title, and the front matter that static site generators know is metadata."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(.*?)^(?:\1|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_LONGEST, _DEEPEST = 2**16, 32


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    r"""Split a text into its front matter (YAML between ``---``, TOML between ``+++``) and what follows.

    What only looks like front matter, because it isn't valid or holds no names, stays text: two rules with a paragraph
    between them, for example. So does one of more than 64 KiB, nested more than 32 levels deep, or with YAML aliases:
    with these, a few lines can expand to gigabytes.

    Example:
        >>> split_front_matter("---\ntags: [news]\n---\n# A title\n")
        ({'tags': ['news']}, '# A title\n')
    """
    found = _FRONT_MATTER.match(text)
    if found is None or len(found[2]) > _LONGEST:
        return {}, text
    fields = _toml(found[2]) if found[1] == "+++" else _yaml(found[2])
    return (fields, text[found.end() :]) if fields is not None else ({}, text)


def heading(text: str) -> str | None:
    """The title in the first line of a text, if that is a heading of the first level."""
    first = text.lstrip().partition("\n")[0]
    return (first[2:].strip() or None) if first.startswith("# ") else None


def _toml(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _yaml(text: str) -> dict[str, Any] | None:
    import yaml

    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
                return None
        fields = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date such as 2024-13-45
        return None
    return dict(fields) if isinstance(fields, Mapping) else None
