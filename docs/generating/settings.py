"""The table of settings, from the fields of :class:`postings.Settings` and their descriptions."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from generating.tables import code, prose, table
from postings.environment import PREFIX
from postings.queue_settings import QueueSettings
from postings.serve_settings import ServeSettings
from postings.settings import Settings

_PARTS = {
    "Model": ("model", "device", "backend", "precision"),
    "Index": ("index_",),
    "Collection, tenants and words": ("collection", "tenant", "words"),
    "Passages": ("passage_", "store_", "tombstone_"),
}


def page(argument: str = "") -> str:  # noqa: ARG001
    """A table for each group of settings."""
    left = dict(Settings.model_fields)
    parts = []
    for title, beginnings in _PARTS.items():
        names = [name for name in left if name.startswith(beginnings) and name not in _others()]
        parts.append(_section(title, {name: left[name] for name in names}))
        left = {name: field for name, field in left.items() if name not in names}
    parts.append(
        _section("Queue and workers", {name: left[name] for name in left if name in QueueSettings.model_fields})
    )
    parts.append(_section("HTTP service", {name: left[name] for name in left if name in ServeSettings.model_fields}))
    if rest := {name: field for name, field in left.items() if name not in _others()}:
        parts.append(_section("Others", rest))
    return "\n\n".join(parts)


def _others() -> set[str]:
    return {*QueueSettings.model_fields, *ServeSettings.model_fields}


def _section(title: str, fields: dict[str, FieldInfo]) -> str:
    rows = [
        [_variable(name), shown_type(field), default(field), prose(field.description or "")]
        for name, field in fields.items()
    ]
    return f"## {title}\n\n{table(['variable', 'type', 'default', 'meaning'], rows)}"


def _variable(name: str) -> str:
    """The name of the environment variable, which may be cut after each word where there is little room."""
    return f"<code>{f'{PREFIX}{name.upper()}'.replace('_', '_<wbr>')}</code>"


def default(field: FieldInfo) -> str:
    """The default of a setting, as it would be written; nothing if there is none."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value in ("", {}, ()):
        return ""
    return code(str(value).lower() if isinstance(value, bool) else str(value))


def shown_type(field: FieldInfo) -> str:
    """The type of a setting in words, with its limits: ``integer, 1 to 32``."""
    limits = dict(_limits(field))
    low = limits.get("ge", limits.get("gt"))
    high = limits.get("le", limits.get("lt"))
    said = _name(field.annotation)
    if low is not None and high is not None:
        return f"{said}, {low} to {high}"
    if low is not None:
        return f"{said}, {'above' if 'gt' in limits else 'at least'} {low}"
    return said if high is None else f"{said}, at most {high}"


def _limits(field: FieldInfo) -> Iterator[tuple[str, Any]]:
    for each in (*field.metadata, *_metadata(field.annotation)):
        for name in ("ge", "gt", "le", "lt"):
            if (value := getattr(each, name, None)) is not None:
                yield name, value


def _metadata(annotation: Any) -> tuple[Any, ...]:
    own = getattr(annotation, "__metadata__", ())
    return (*own, *(part for each in get_args(annotation) for part in _metadata(each)))


_NAMES = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "`true` or `false`",
    "Path": "path",
    "SecretStr": "secret",
}


def _name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _name(arguments[0])
    if origin is Literal:
        return ", ".join(code(str(each)) for each in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_name(each) for each in arguments if each is not type(None))
    if origin in (list, tuple):
        return "list"
    if origin is dict:
        return "JSON object"
    name = getattr(annotation, "__name__", str(annotation))
    return _NAMES.get(name, name.removesuffix("Settings").lower())
