"""LlamaIndex: a retriever, and a sparse embedding model."""

from __future__ import annotations

import asyncio
from typing import Any

from postings import Encoder, SparseVector
from postings.errors import MissingExtra
from postings_adapters.clients import KEY, AsyncClient, Client, metadata_of, passage_id, search, search_async
from postings_query import Hit

try:
    from llama_index.core.base.embeddings.base_sparse import BaseSparseEmbedding, SparseEmbedding
    from llama_index.core.bridge.pydantic import Field
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode
except ImportError as error:
    raise MissingExtra("llama-index", "postings_adapters.llama_index") from error


class PostingsRetriever(BaseRetriever):
    """Finds passages with a search client. A language model isn't shown what Postings says of a passage.

    Args:
        client: any search client. One for asyncio needs ``aretrieve``; any other also works there, in a thread.
        similarity_top_k: the maximum number of passages.
        callback_manager: as LlamaIndex's own retrievers take it.
        **options: options of :meth:`postings_query.SearchClient.search`, such as ``filter``, in Qdrant's form.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.

    Example::

        retriever = PostingsRetriever(SearchClient("articles"), similarity_top_k=5)
        RetrieverQueryEngine.from_args(retriever).query("chasing prey")
    """

    def __init__(
        self,
        client: Client | AsyncClient,
        similarity_top_k: int = 10,
        *,
        callback_manager: CallbackManager | None = None,
        **options: Any,
    ) -> None:
        super().__init__(callback_manager)
        self._client = client
        self._limit = similarity_top_k
        self._options = options

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_node(hit) for hit in search(self._client, query_bundle.query_str, self._limit, **self._options)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = await search_async(self._client, query_bundle.query_str, self._limit, **self._options)
        return [_node(hit) for hit in hits]


class PostingsSparseEmbedding(BaseSparseEmbedding):
    """Encodes documents and queries."""

    encoder: Encoder = Field(exclude=True)

    def __init__(self, encoder: Encoder, **fields: Any) -> None:
        super().__init__(**{"encoder": encoder, "model_name": encoder.name, **fields})

    def _get_query_embedding(self, query: str) -> SparseEmbedding:
        return _plain(self.encoder.encode_queries([query])[0])

    async def _aget_query_embedding(self, query: str) -> SparseEmbedding:
        return await asyncio.to_thread(self._get_query_embedding, query)

    def _get_text_embedding(self, text: str) -> SparseEmbedding:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> SparseEmbedding:
        return await asyncio.to_thread(self._get_text_embedding, text)

    def _get_text_embeddings(self, texts: list[str]) -> list[SparseEmbedding]:
        return [_plain(vector) for vector in self.encoder.encode_documents(texts)]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[SparseEmbedding]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)


def _node(hit: Hit) -> NodeWithScore:
    node = TextNode(id_=passage_id(hit), text=hit.text, start_char_idx=hit.start, end_char_idx=hit.end)
    node.metadata, node.excluded_llm_metadata_keys, node.excluded_embed_metadata_keys = metadata_of(hit), [KEY], [KEY]
    node.relationships = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.id)}
    return NodeWithScore(node=node, score=hit.score)


def _plain(vector: SparseVector) -> SparseEmbedding:
    return dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
