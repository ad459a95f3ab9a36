"""DSPy: a retriever, for programs and as a tool."""

from __future__ import annotations

from typing import Any, Self

from postings.errors import MissingExtra
from postings_adapters.clients import AsyncClient, Client, metadata_of, passage_id, search, search_async
from postings_query import Hits

try:
    from dspy import Prediction
except ImportError as error:
    raise MissingExtra("dspy", "postings_adapters.dspy") from error


class PostingsRetriever:
    """Finds passages with a search client.

    A call gives a ``dspy.Prediction`` with lists of equal length: ``passages``, which are texts, ``ids``, ``scores``
    and ``metadata``.

    Args:
        client: any search client. One for asyncio needs ``acall``; any other also works there, in a thread.
        k: the maximum number of passages.
        **options: options of :meth:`postings_query.SearchClient.search`, such as ``filter``, in Qdrant's form.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.

    Example::

        retriever = PostingsRetriever(SearchClient("articles"), k=5)
        dspy.ChainOfThought("context, question -> answer")(context=retriever(question).passages, question=question)
    """

    def __init__(self, client: Client | AsyncClient, k: int = 10, **options: Any) -> None:
        self.k = k
        self._client = client
        self._options = options

    def __call__(self, query: str, k: int | None = None) -> Prediction:
        """Search."""
        return _prediction(search(self._client, query, self.k if k is None else k, **self._options))

    async def acall(self, query: str, k: int | None = None) -> Prediction:
        """Search, for asyncio."""
        return _prediction(await search_async(self._client, query, self.k if k is None else k, **self._options))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Optimizers copy programs, which share what they search."""
        return self


def _prediction(hits: Hits) -> Prediction:
    return Prediction(
        passages=[hit.text for hit in hits],
        ids=[passage_id(hit) for hit in hits],
        scores=[hit.score for hit in hits],
        metadata=[metadata_of(hit) for hit in hits],
    )
