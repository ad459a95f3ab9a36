"""The OpenAPI description, as generators of clients need it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

_COMPONENT = "#/components/schemas/{model}"


class DescribedApi(FastAPI):
    """Routes whose description names each operation by its function, and each type once.

    Args:
        referred: models that routes refer to by :func:`reference`, of which FastAPI knows nothing by itself.
        options: of FastAPI.
    """

    def __init__(self, referred: tuple[type[BaseModel], ...], **options: Any) -> None:
        super().__init__(generate_unique_id_function=_operation_id, **options)
        self._referred = referred

    def openapi(self) -> dict[str, Any]:
        """The description, as an object of JSON."""
        made = self.openapi_schema is not None
        whole: dict[str, Any] = super().openapi()
        if not made:
            schemas = whole["components"]["schemas"]
            _, found = models_json_schema([(each, "validation") for each in self._referred], ref_template=_COMPONENT)
            schemas.update({name: _without_null(each) for name, each in found["$defs"].items()})
            for schema in schemas.values():
                for field in schema.get("properties", {}).values():
                    _say_default(field)
        return whole


def reference(model: type[BaseModel]) -> dict[str, Any]:
    """A reference to the schema of a model, for the description of a route.

    Example:
        >>> from postings_serve.schemas.common import ProblemDetails
        >>> reference(ProblemDetails)
        {'$ref': '#/components/schemas/ProblemDetails'}
    """
    return {"$ref": _COMPONENT.format(model=model.__name__)}


def request_body(content: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A body of several types, for a route that reads it by itself."""
    return {"requestBody": {"required": True, "content": content}}


def _operation_id(route: APIRoute) -> str:
    """The function's name as JavaScript, Java and Go write names; it becomes a method of generated clients."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _without_null(schema: Any) -> Any:
    """The schema of a body whose optional fields are left out, rather than null, which a form can't have."""
    match schema:
        case list():
            return [_without_null(each) for each in schema]
        case {"anyOf": [only, {"type": "null"}], **others}:
            return _without_null({**only, **{name: each for name, each in others.items() if name != "default"}})
        case dict():
            return {name: _without_null(each) for name, each in schema.items()}
    return schema


def _say_default(field: dict[str, Any]) -> None:
    """Say what a field is by default in words alone.

    openapi-typescript takes a field with a default for one that is always there: then a search would have to give all
    options, and an answer would seem to have what it leaves out.
    """
    default = field.pop("default", None)
    if default not in (None, [], {}, ""):
        said = str(default).lower() if isinstance(default, bool) else default
        field["description"] = f"{field['description']}; by default {said}"
