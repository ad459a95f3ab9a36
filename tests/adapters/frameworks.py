"""Each framework's retriever, as one function that waits and one for asyncio, so that all keep the same promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import postings_adapters.dspy
import postings_adapters.haystack
import postings_adapters.langchain
import postings_adapters.llama_index
from postings_adapters.clients import AsyncClient, Client


class Found(NamedTuple):
    """What a framework tells of a hit."""

    id: str
    text: str
    score: float
    metadata: dict[str, Any]


Searching = Callable[..., list[Found]]
AsyncSearching = Callable[..., Awaitable[list[Found]]]
AnyClient = Client | AsyncClient


def _langchain(documents: list[Any]) -> list[Found]:
    return [Found(each.id, each.page_content, each.metadata["postings"]["score"], each.metadata) for each in documents]


def _llama_index(nodes: list[Any]) -> list[Found]:
    return [Found(each.node.node_id, each.node.text, each.score, each.node.metadata) for each in nodes]


def _haystack(found: dict[str, Any]) -> list[Found]:
    return [Found(each.id, each.content, each.score, each.meta) for each in found["documents"]]


def _dspy(found: Any) -> list[Found]:
    return [Found(*each) for each in zip(found.ids, found.passages, found.scores, found.metadata, strict=True)]


def langchain(client: AnyClient, query: str, k: int = 10, **options: Any) -> list[Found]:
    retriever = postings_adapters.langchain.PostingsRetriever(client=client, k=k, search_kwargs=options)
    return _langchain(retriever.invoke(query))


async def alangchain(client: AnyClient, query: str, k: int = 10, **options: Any) -> list[Found]:
    retriever = postings_adapters.langchain.PostingsRetriever(client=client, k=k, search_kwargs=options)
    return _langchain(await retriever.ainvoke(query))


def llama_index(client: AnyClient, query: str, k: int = 10, **options: Any) -> list[Found]:
    return _llama_index(postings_adapters.llama_index.PostingsRetriever(client, k, **options).retrieve(query))


async def allama_index(client: AnyClient, query: str, k: int = 10, **options: Any) -> list[Found]:
    return _llama_index(await postings_adapters.llama_index.PostingsRetriever(client, k, **options).aretrieve(query))


def haystack(client: AnyClient, query: str, k: int = 10, filter: Any = None, **options: Any) -> list[Found]:
    return _haystack(postings_adapters.haystack.PostingsRetriever(client, filter, k, options).run(query))


async def ahaystack(client: AnyClient, query: str, k: int = 10, filter: Any = None, **options: Any) -> list[Found]:
    return _haystack(await postings_adapters.haystack.PostingsRetriever(client, filter, k, options).run_async(query))


def dspy(client: AnyClient, query: str, k: int = 10, **options: Any) -> list[Found]:
    return _dspy(postings_adapters.dspy.PostingsRetriever(client, k, **options)(query))


async def adspy(client: AnyClient, query: str, k: int = 10, **options: Any) -> list[Found]:
    return _dspy(await postings_adapters.dspy.PostingsRetriever(client, k, **options).acall(query))


SYNC: dict[str, Searching] = {
    "langchain": langchain,
    "llama-index": llama_index,
    "haystack": haystack,
    "dspy": dspy,
}
ASYNC: dict[str, AsyncSearching] = {
    "langchain": alangchain,
    "llama-index": allama_index,
    "haystack": ahaystack,
    "dspy": adspy,
}
