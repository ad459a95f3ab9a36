"""Attribution of a score: each token's contribution, and the characters that activated it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from postings import Encoder, SparseVector
from postings.arguments import as_list
from postings.documents import Span
from postings.errors import InvalidInput, InvalidVector
from postings.passages import passage_input
from postings.stored_evidence import Packed, unpack
from postings_query.hits import Contribution, in_text_and_title


@dataclass(frozen=True, slots=True)
class SharedDims:
    """The active dims that a query and a document share, the largest product first.

    Attributes:
        indices: indices in the vocabulary, shape ``(n,)``.
        query_weights, document_weights: the weights, shape ``(n,)``.
        products: the contributions, which add up to the score within float error, shape ``(n,)``.
    """

    indices: npt.NDArray[np.int32]
    query_weights: npt.NDArray[np.float32]
    document_weights: npt.NDArray[np.float32]
    products: npt.NDArray[np.float64]


class SharedDimsOfMany(Sequence[SharedDims]):
    """The shared dims of many documents, computed at once; each document's are sorted when they are read.

    Attributes:
        borders: document ``i`` has the entries ``borders[i]:borders[i + 1]`` of the other arrays, shape
            ``(documents + 1,)``.
        indices: indices in the vocabulary, ascending within each document, shape ``(entries,)``.
        query_weights, document_weights, products: as in :class:`SharedDims`, shape ``(entries,)``.
    """

    def __init__(
        self,
        borders: npt.NDArray[np.int64],
        indices: npt.NDArray[np.int32],
        query_weights: npt.NDArray[np.float32],
        document_weights: npt.NDArray[np.float32],
    ) -> None:
        self.borders = borders
        self.indices = indices
        self.query_weights = query_weights
        self.document_weights = document_weights
        self.products = query_weights.astype(np.float64) * document_weights

    def __len__(self) -> int:
        return len(self.borders) - 1

    def __iter__(self) -> Iterator[SharedDims]:
        """All documents', sorted at once."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.borders))
        order = np.lexsort((-self.products, owner))
        indices, products = self.indices[order], self.products[order]
        of_query, of_document = self.query_weights[order], self.document_weights[order]
        for here in itertools.starmap(slice, itertools.pairwise(self.borders.tolist())):
            yield SharedDims(indices[here], of_query[here], of_document[here], products[here])

    @overload
    def __getitem__(self, at: int) -> SharedDims: ...
    @overload
    def __getitem__(self, at: slice) -> list[SharedDims]: ...
    def __getitem__(self, at: int | slice) -> SharedDims | list[SharedDims]:
        if isinstance(at, slice):
            return [self[each] for each in range(len(self))[at]]
        number = range(len(self))[at]
        start, end = self.borders[number], self.borders[number + 1]
        order = start + np.argsort(-self.products[start:end], kind="stable")
        return SharedDims(
            self.indices[order], self.query_weights[order], self.document_weights[order], self.products[order]
        )


def shared_dims(query: SparseVector, documents: Iterable[SparseVector]) -> SharedDimsOfMany:
    """Split the scores of many documents by dims.

    Qdrant scores sparse vectors by dot product, so a dim's contribution is query weight x document weight.

    Raises:
        InvalidVector: ``query`` or a document isn't a :class:`postings.SparseVector`.

    Example:
        >>> query, document = SparseVector([1, 5], [2.0, 1.0]), SparseVector([1, 4, 5], [0.5, 9.0, 3.0])
        >>> (shared,) = shared_dims(query, [document])
        >>> shared.indices.tolist(), shared.products.tolist()
        ([5, 1], [3.0, 1.0])
    """
    if not isinstance(query, SparseVector):
        raise InvalidVector(f"query must be a SparseVector, got {type(query).__name__}")
    documents = as_list("documents", documents, SparseVector, InvalidVector)
    # Typed as Any because, before Python 3.12, numpy's stubs don't call an array a buffer.
    every: list[Any] = [document.indices for document in documents]
    values: list[Any] = [document.values for document in documents]
    ends = np.zeros(len(every) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, every), np.int64, len(every)), out=ends[1:])
    if not ends[-1] or not len(query):
        nothing = np.empty(0, np.float32)
        return SharedDimsOfMany(np.zeros(len(documents) + 1, np.int64), np.empty(0, np.int32), nothing, nothing)
    # The query's weight by vocabulary entry; the last is 0, and stands for all entries beyond the query's.
    weights = np.zeros(int(query.indices[-1]) + 2, np.float32)
    weights[query.indices] = query.values
    # Joining thousands of short arrays as bytes takes half the time of np.concatenate. Looking up and scanning one
    # byte per entry takes a third of the time of four bytes.
    indices = np.frombuffer(b"".join(every), np.int32)
    found = np.flatnonzero((weights != 0).take(indices, mode="clip"))
    shared = indices[found]
    document_weights = np.frombuffer(b"".join(values), np.float32)[found]
    return SharedDimsOfMany(np.searchsorted(found, ends), shared, weights[shared], document_weights)


class FoundPassage(NamedTuple):
    """A passage as it is stored: its vector, title and text, and its packed evidence if it has some."""

    vector: SparseVector
    title: str
    text: str
    evidence: str | None = None


def contributions(
    encoder: Encoder, query: SparseVector, passages: Iterable[FoundPassage], names: Mapping[int, str] | None = None
) -> list[tuple[Contribution, ...]]:
    """For each passage, the tokens shared with the query: their contributions, and the characters that activated them.

    Args:
        encoder: the collection's encoder; it encodes the passages that have no evidence, or that of something else.
        query: the query's vector.
        passages: the passages.
        names: of the query's dims, by their indices; by default those that :meth:`postings.Encoder.tokens` gives.
    """
    passages = as_list("passages", passages, FoundPassage, InvalidInput)
    found = list(shared_dims(query, [passage.vector for passage in passages]))
    if names is None:
        names = dict(zip(query.indices.tolist(), encoder.tokens(query.indices), strict=True))
    return [
        _contributions(names, shared, every_span, text_start)
        for shared, (every_span, text_start) in zip(found, _evidence(encoder, passages, found), strict=True)
    ]


def _contributions(
    names: Mapping[int, str], shared: SharedDims, every_span: Sequence[list[Span]], text_start: int
) -> tuple[Contribution, ...]:
    weights = shared.query_weights.tolist(), shared.document_weights.tolist(), shared.products.tolist()
    parts = zip(shared.indices.tolist(), *weights, every_span, strict=True)
    # By position, because keywords take half as long again.
    return tuple(
        [
            Contribution(names[index], index, of_query, of_document, product, *in_text_and_title(spans, text_start))
            for index, of_query, of_document, product, spans in parts
        ]
    )


def _evidence(
    encoder: Encoder, passages: Sequence[FoundPassage], found: Sequence[SharedDims]
) -> list[tuple[list[list[Span]], int]]:
    """For each passage, the spans of each shared dim in title and text, and the offset of the text in these."""
    known = _stored(encoder, passages, found)
    # Only now, because a client whose queries are looked up has no model for documents in memory.
    if rest := [at for at, spans in enumerate(known) if spans is None]:
        inputs = [passage_input(encoder, passages[at].title, passages[at].text) for at in rest]
        computed = encoder.evidence([text for text, _ in inputs], [found[at].indices for at in rest])
        for at, spans, (_, text_start) in zip(rest, computed, inputs, strict=True):
            known[at] = spans, text_start
    return [each for each in known if each is not None]


def _stored(
    encoder: Encoder, passages: Sequence[FoundPassage], found: Sequence[SharedDims]
) -> list[tuple[list[list[Span]], int] | None]:
    """The same, from what is stored with each passage; ``None`` for those that have to be computed."""
    known: list[tuple[list[list[Span]], int] | None]
    known = [None if len(shared.indices) else ([], 0) for shared in found]
    packed = {
        at: Packed(passage.evidence, *passage[:3], found[at].indices)
        for at, passage in enumerate(passages)
        if known[at] is None and passage.evidence is not None
    }
    for at, spans in zip(packed, unpack(encoder.fingerprint, list(packed.values())), strict=True):
        if spans is not None:
            known[at] = spans, len(packed[at].title) + 1
    return known
