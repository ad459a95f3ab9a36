"""LangChain: a retriever, and the sparse embeddings of langchain-qdrant's ``QdrantVectorStore``."""

from __future__ import annotations

from typing import Any

from postings import Encoder, SparseVector
from postings.errors import MissingExtra
from postings_adapters.clients import AsyncClient, Client, metadata_of, passage_id, search, search_async
from postings_query import Hits

try:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langchain_qdrant import SparseEmbeddings
    from langchain_qdrant import SparseVector as QdrantVector
    from pydantic import Field
except ImportError as error:
    raise MissingExtra("langchain", "postings_adapters.langchain") from error


class PostingsRetriever(BaseRetriever):
    """Finds passages with a search client; ``invoke`` takes the options of its search too.

    Attributes:
        client: any search client. One for asyncio needs ``ainvoke``; any other also works there, in a thread.
        k: the maximum number of passages.
        search_kwargs: options of :meth:`postings_query.SearchClient.search`, such as ``filter``, in Qdrant's form.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.

    Example::

        retriever = PostingsRetriever(client=SearchClient("articles"), k=5)
        retriever.invoke("chasing prey", k=3, filter={"must": [{"key": "metadata.lang", "match": {"value": "en"}}]})
    """

    client: Client | AsyncClient
    k: int = Field(default=10, strict=True)
    search_kwargs: dict[str, Any] = Field(default_factory=dict)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return _documents(search(self.client, query, kwargs.pop("k", self.k), **{**self.search_kwargs, **kwargs}))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        k = kwargs.pop("k", self.k)
        return _documents(await search_async(self.client, query, k, **{**self.search_kwargs, **kwargs}))


class PostingsSparseEmbeddings(SparseEmbeddings):
    """Encodes documents and queries for ``QdrantVectorStore``, in its sparse and its hybrid mode.

    Raises:
        InvalidInput: a text isn't valid Unicode.

    Example::

        QdrantVectorStore.from_documents(
            documents,
            sparse_embedding=PostingsSparseEmbeddings(Encoder.load("tiny")),
            retrieval_mode=RetrievalMode.SPARSE,
        )
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def embed_documents(self, texts: list[str]) -> list[QdrantVector]:
        """Encode documents."""
        return [_plain(vector) for vector in self.encoder.encode_documents(texts)]

    def embed_query(self, text: str) -> QdrantVector:
        """Encode a query."""
        return _plain(self.encoder.encode_queries([text])[0])


def _documents(hits: Hits) -> list[Document]:
    return [Document(id=passage_id(hit), page_content=hit.text, metadata=metadata_of(hit)) for hit in hits]


def _plain(vector: SparseVector) -> QdrantVector:
    return QdrantVector(indices=vector.indices.tolist(), values=vector.values.tolist())
