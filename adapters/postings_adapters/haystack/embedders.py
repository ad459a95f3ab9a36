"""Sparse vectors of queries and of documents."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

from haystack import Document, component, default_to_dict
from haystack.dataclasses import SparseEmbedding

from postings import Encoder, SparseVector
from postings.errors import InvalidDocument


class _Embedder:
    """Loads the encoder when it is first needed: a saved pipeline has its name alone."""

    def __init__(self, model: str = "tiny", device: str = "auto") -> None:
        self.model = model
        self.device = device
        self._encoder: Encoder | None = None
        self._loading = threading.Lock()

    def warm_up(self) -> None:
        """Load the encoder."""
        self._loaded()

    def to_dict(self) -> dict[str, Any]:
        """The component as a dictionary."""
        return default_to_dict(self, model=self.model, device=self.device)

    def _loaded(self) -> Encoder:
        with self._loading:
            if self._encoder is None:
                self._encoder = Encoder.load(self.model, self.device)
            return self._encoder


@component
class PostingsSparseTextEmbedder(_Embedder):
    """Encodes a query.

    Args:
        model: as :meth:`postings.Encoder.load` takes it.
        device: as :meth:`postings.Encoder.load` takes it.

    Raises:
        InvalidQuery: the text isn't valid Unicode.
        PostingsError: as :meth:`postings.Encoder.load`.

    Example::

        PostingsSparseTextEmbedder("tiny").run("chasing prey")["sparse_embedding"]
    """

    @component.output_types(sparse_embedding=SparseEmbedding)
    def run(self, text: str) -> dict[str, Any]:
        """Encode a query."""
        return {"sparse_embedding": _plain(self._loaded().encode_queries([text])[0])}

    @component.output_types(sparse_embedding=SparseEmbedding)
    async def run_async(self, text: str) -> dict[str, Any]:
        """Encode a query, in a thread."""
        return await asyncio.to_thread(self.run, text)


@component
class PostingsSparseDocumentEmbedder(_Embedder):
    """Encodes the contents of documents; returns copies of these with their ``sparse_embedding``.

    Args:
        model: as :meth:`postings.Encoder.load` takes it.
        device: as :meth:`postings.Encoder.load` takes it.

    Raises:
        InvalidDocument: a document has no content, or its content isn't valid Unicode.
        PostingsError: as :meth:`postings.Encoder.load`.
    """

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Encode documents."""
        contents = [document.content for document in documents if document.content is not None]
        if len(contents) < len(documents):
            raise InvalidDocument(f"each document needs content, got {len(documents) - len(contents)} without")
        pairs = zip(documents, self._loaded().encode_documents(contents), strict=True)
        return {"documents": [replace(document, sparse_embedding=_plain(vector)) for document, vector in pairs]}

    @component.output_types(documents=list[Document])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Encode documents, in a thread."""
        return await asyncio.to_thread(self.run, documents)


def _plain(vector: SparseVector) -> SparseEmbedding:
    return SparseEmbedding(indices=vector.indices.tolist(), values=vector.values.tolist())
