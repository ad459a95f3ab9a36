"""Parts of the OpenAPI description that FastAPI can't make of a route by itself."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model, with those of the models in it; a field that may be left out needn't be null."""
    whole = model.model_json_schema()
    inner = whole.pop("$defs", {})

    def inlined(part: Any) -> Any:
        if isinstance(part, list):
            return [inlined(each) for each in part]
        if not isinstance(part, dict):
            return part
        if (reference := part.get("$ref")) is not None:
            return inlined(inner[reference.rpartition("/")[2]])
        given = {name: inlined(each) for name, each in part.items() if (name, each) != ("default", None)}
        match given.pop("anyOf", None):
            case [only, {"type": "null"}]:
                return {**only, **given}
            case None:
                return given
            case several:
                return {"anyOf": several, **given}

    found: dict[str, Any] = inlined(whole)
    return found


def request_body(content: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A body of several types, for a route that reads it by itself."""
    return {"requestBody": {"required": True, "content": content}}
