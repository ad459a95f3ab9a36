"""The reference of the HTTP service, from its OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from generating.tables import code, prose, table
from postings_serve.app import api

_METHODS = ("get", "post", "put", "delete", "patch")


def page(argument: str = "") -> str:  # noqa: ARG001
    """Routes by subject, then what requests and answers hold."""
    description = api().openapi()
    subjects: dict[str, list[str]] = {}
    for path, item in description["paths"].items():
        for method in _METHODS:
            if method in item:
                subject = item[method].get("tags", ["other"])[0]
                subjects.setdefault(subject, []).append(_route(method, path, item[method]))
    parts = [f"## {subject.capitalize()}\n\n" + "\n\n".join(routes) for subject, routes in subjects.items()]
    schemas = description["components"]["schemas"]
    types = "\n\n".join(_schema(name, schemas[name]) for name in sorted(schemas))
    return "\n\n".join([*parts, f"## Types\n\n{types}"])


def _route(method: str, path: str, operation: dict[str, Any]) -> str:
    anchor = f"{method}-{path}".replace("/", "-").replace("{", "").replace("}", "").replace("--", "-")
    lines = [
        f"### `{method.upper()} {path}` {{ #{anchor} }}",
        operation.get("description", operation.get("summary", "")),
    ]
    if parameters := operation.get("parameters"):
        rows = [
            [code(each["name"]), each["in"], _type(each["schema"]), each.get("description", _said(each["schema"]))]
            for each in parameters
        ]
        lines.append(table(["parameter", "in", "type", "meaning"], rows))
    if body := operation.get("requestBody"):
        bodies = [f"{code(kind)}: {_type(each.get('schema', {}))}" for kind, each in body["content"].items()]
        lines.append(f"Body: {'; '.join(bodies)}.")
    answers = [f"`{status}` {_answer(each)}" for status, each in operation["responses"].items() if status < "300"]
    problems = ", ".join(f"`{status}`" for status in operation["responses"] if status >= "300")
    lines.append(f"Answers: {'; '.join(answers)}. Problems: {problems}.")
    return "\n\n".join(lines)


def _answer(answer: dict[str, Any]) -> str:
    kinds = [_type(each.get("schema", {})) or code(kind) for kind, each in answer.get("content", {}).items()]
    return " or ".join(dict.fromkeys(kinds)) or answer.get("description", "")


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        [code(field), _type(each) + (", required" if field in required else ""), _said(each) + _default(each)]
        for field, each in schema.get("properties", {}).items()
    ]
    said = " ".join(schema.get("description", "").split())
    fields = table(["field", "type", "meaning"], rows) if rows else _type(schema)
    return f"### {name} {{ #type-{name.lower()} }}\n\n{said}\n\n{fields}"


def _default(schema: dict[str, Any]) -> str:
    value = schema.get("default")
    return "" if value is None else f" (default: {code(json.dumps(value))})"


def _said(schema: dict[str, Any]) -> str:
    return prose(schema.get("description", ""))


def _type(schema: dict[str, Any]) -> str:
    """A schema in words, with links to the types that it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#type-{name.lower()})"
    if "enum" in schema or "const" in schema:
        return ", ".join(code(json.dumps(each)) for each in schema.get("enum", [schema.get("const")]))
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema and "properties" not in schema:
            return " or ".join(dict.fromkeys(filter(None, map(_type, schema[several]))))
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {_type(schema.get('items', {})) or 'any'}" + _range(schema, "Items")
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties']) or 'any'}"
    return str(kind) + _range(schema, "Length")


def _range(schema: dict[str, Any], suffix: str) -> str:
    limits = list(_limits(schema, suffix))
    return f", {' and '.join(limits)}" if limits else ""


def _limits(schema: dict[str, Any], suffix: str) -> Iterator[str]:
    for key, said in (
        (f"min{suffix}", "at least"),
        (f"max{suffix}", "at most"),
        ("minimum", "at least"),
        ("maximum", "at most"),
    ):
        if key in schema:
            unit = {"Length": " characters", "Items": " items"}[suffix] if key.endswith(suffix) else ""
            yield f"{said} {schema[key]:,g}{unit}" if abs(schema[key]) < 1e6 else f"{said} {schema[key]}{unit}"
