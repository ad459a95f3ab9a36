"""The tools: what each is called, takes, answers and needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp.types import Tool as Description
from mcp.types import ToolAnnotations
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from postings_serve.guard import Caller, check_all_tenants
from postings_serve.http.problems import Problem
from postings_serve.keys import Scope
from postings_serve.mcp import answers, arguments, reading, writing
from postings_serve.mcp.backend import Backend
from postings_serve.schemas.collections import Collection
from postings_serve.schemas.documents import Deleted
from postings_serve.schemas.facets import FacetsAnswer, FacetsBody


class _WithoutTitles(GenerateJsonSchema):
    """Schemas that a model reads: the titles would only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool.

    Attributes:
        name: by which it is called.
        title: what people see.
        description: tells models what it does, and when to use it.
        scope: what a caller needs.
        arguments: what it takes.
        answer: what it answers.
        work: does it, in a thread.
        of_all_tenants: whether it shows what a tenant may not see.
        destructive: whether something is gone afterwards.

    Example:
        >>> [tool.name for tool in TOOLS if tool.allows(Caller("me", "me", frozenset({"write"})))]
        ['ingest', 'delete']
    """

    name: str
    title: str
    description: str
    scope: Scope
    arguments: type[BaseModel]
    answer: type[BaseModel]
    work: Callable[[Backend, Caller, Any], BaseModel]
    of_all_tenants: bool = False
    destructive: bool = False

    def check(self, caller: Caller) -> None:
        """Check that a caller may use it.

        Raises:
            Problem: 403, it may not.
        """
        if self.scope not in caller.scopes:
            needed = f"{self.name!r} needs the scope {self.scope!r}"
            detail = f"{needed}: a key that has it, or without keys `postings mcp --{self.scope}`"
            raise Problem(403, "scope-needed", detail)
        if self.of_all_tenants:
            check_all_tenants(caller)

    def allows(self, caller: Caller) -> bool:
        """Whether a caller may use it."""
        try:
            self.check(caller)
        except Problem:
            return False
        return True

    def described(self) -> Description:
        """The tool, as clients see it."""
        writes = self.scope == "write"
        return Description(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.arguments.model_json_schema(schema_generator=_WithoutTitles),
            output_schema=self.answer.model_json_schema(schema_generator=_WithoutTitles, mode="serialization"),
            annotations=ToolAnnotations(
                read_only_hint=not writes,
                destructive_hint=self.destructive if writes else None,
                idempotent_hint=True if writes else None,
                open_world_hint=False,
            ),
        )


TOOLS = (
    Tool(
        "search",
        "Search documents",
        "Find the passages of documents that answer a query, best first, and say why each scored: its tokens, what "
        "each contributes, and the words of the passage that are the evidence. Related words count, not only equal "
        "ones; `words` weighs equal ones. Narrow a search by `filter`; `facets` says what there is to filter by. A "
        "passage is a part of its document: `get` shows the whole.",
        "read",
        arguments.SearchArguments,
        answers.Found,
        reading.search,
    ),
    Tool(
        "get",
        "Get a document",
        "Show a document by its id, for example one that a search has found. Of a long one, this shows a part: go on "
        "with `start`.",
        "read",
        arguments.GetArguments,
        answers.DocumentText,
        reading.get,
    ),
    Tool(
        "facets",
        "Values to filter by",
        "Count the values of metadata fields in documents that match a filter. Each value has a `condition`: searches "
        'with the filter {"must": [condition]} find only documents with this value.',
        "read",
        FacetsBody,
        FacetsAnswer,
        reading.facets,
    ),
    Tool(
        "collections",
        "List collections",
        "List the collections of documents. All other tools use the default one unless they name another.",
        "read",
        arguments.NoArguments,
        answers.CollectionList,
        reading.collections,
        of_all_tenants=True,
    ),
    Tool(
        "info",
        "Describe a collection",
        "Say how many documents and passages a collection has, and which model it is searched by.",
        "read",
        arguments.InfoArguments,
        Collection,
        reading.info,
    ),
    Tool(
        "ingest",
        "Index documents",
        "Index documents, so that searches find them at once. A document replaces that of the same id, unless its "
        "`version` is older. What is unchanged costs nothing.",
        "write",
        arguments.IngestArguments,
        answers.Ingested,
        writing.ingest,
        destructive=True,
    ),
    Tool(
        "delete",
        "Delete documents",
        "Delete documents by their ids. This can't be undone.",
        "write",
        arguments.DeleteArguments,
        Deleted,
        writing.delete,
        destructive=True,
    ),
)
