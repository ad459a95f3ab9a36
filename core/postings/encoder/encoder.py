"""The encoder: from texts to sparse vectors, and to the characters that activated each entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from postings.arguments import no_check
from postings.batching import batched
from postings.documents import Span
from postings.encoder.evidence import Evidence, evidence_of, with_evidence
from postings.encoder.latent_names import latent_names
from postings.encoder.loaded import LoadedModel
from postings.encoder.model_files.modules import Task
from postings.encoder.model_files.tokenizer import Offsets
from postings.encoder.passes.bulk import encode_all
from postings.encoder.routes.protocol import Prepared
from postings.encoder.text_arguments import checked_text, checked_texts, iterate
from postings.errors import InvalidInput
from postings.vectors import SparseVector, checked_indices

_STREAM = 4096  # texts


class Encoder(LoadedModel):
    """A trained sparse encoder: SPLADE, CSR, or a Router with a side each for documents and queries.

    Load one with :meth:`load`. Its vectors equal those of sentence-transformers' ``SparseEncoder`` to 1e-4. Several
    threads may use one encoder; they share its passes over the model.

    Example:
        >>> encoder = Encoder.load("tiny")
        >>> (query,) = encoder.encode_queries(["hunting lions"])
        >>> encoder.tokens(query.indices[query.values.argsort()[::-1]])[:3]
        ['lions', 'hunting', 'hunt']
    """

    _latents: dict[int, str] | None = None

    def query_tokens_left_out(self, query: str) -> int:
        """Number of tokens at the end of a query that the model doesn't read, because they exceed its window.

        Example:
            >>> Encoder.load("tiny").query_tokens_left_out("hunting lions")
            0
        """
        tokenizer = self._passes("query").route.tokenizer
        read = self._prompt("query") + checked_text(query, "query")
        tokens = len(tokenizer.offsets(read)) + tokenizer.special_tokens
        return max(tokens - tokenizer.length, 0)

    def encode_documents(self, texts: Iterable[str], check: Callable[[], object] = no_check) -> list[SparseVector]:
        """Encode documents or passages, each as a vector over the vocabulary.

        Args:
            texts: any number; texts of similar length go through the model together.
            check: called before each pass over the model; an exception in it ends the work.

        Raises:
            InvalidDocument: a text isn't a string, or not valid Unicode.

        Example:
            >>> len(Encoder.load("tiny").encode_documents(["A man is eating food."])[0]) > 10
            True
        """
        return self._encode(texts, "document", check)

    def encode_and_measure(
        self, texts: Iterable[str], check: Callable[[], object] = no_check
    ) -> tuple[list[SparseVector], int]:
        """Encode documents; also return how many of them exceed the window, so that the model doesn't read their end.

        Example:
            >>> encoder = Encoder.load("tiny")
            >>> encoder.encode_and_measure(["a lion", "lion " * encoder.window, "lion " * (encoder.window + 1)])[1]
            1
        """
        read = checked_texts(texts, "document")
        prepared = self._prepared(read, "document")
        longest = self._passes("document").route.tokenizer.length
        # Only texts that fill the window are tokenized whole; all where the model's own library tokenizes.
        full = [
            text for text, each in zip(read, prepared, strict=True) if isinstance(each, str) or len(each) >= longest
        ]
        beyond = sum(count > self.window for count in self.token_counts(full))
        return self._encoded(prepared, "document", check), beyond

    def encode_queries(self, texts: Iterable[str]) -> list[SparseVector]:
        """Encode queries, each as a vector over the vocabulary.

        Raises:
            InvalidQuery: a text isn't a string, or not valid Unicode.
        """
        return self._encode(texts, "query")

    def stream_documents(self, texts: Iterable[str]) -> Iterator[SparseVector]:
        """Encode documents in their order, some thousands at a time, so that they needn't fit in memory.

        Example:
            >>> vectors = Encoder.load("tiny").stream_documents(f"document {n}" for n in range(3))
            >>> sum(1 for _ in vectors)
            3
        """
        for batch in batched(iterate(texts, "document"), _STREAM):
            yield from self.encode_documents(batch)

    def encode_for_storage(
        self, texts: Iterable[str], check: Callable[[], object] = no_check
    ) -> list[tuple[SparseVector, Evidence]]:
        """Encode documents, and find the characters that activated each entry, in one pass over the model.

        Returns:
            The vector of each text, and the evidence of its entries, as :mod:`postings.stored_evidence` takes it.

        Raises:
            InvalidDocument: a text isn't a string, or not valid Unicode.

        Example:
            >>> ((vector, evidence),) = encoder.encode_for_storage(["a lion hunts"])
            >>> evidence.spans.tolist()
            [[2, 6], [7, 12]]
        """
        passes, prompt = self._passes("document"), self._prompt("document")
        return with_evidence(passes, prompt, checked_texts(texts, "document"), check)

    def tokens(self, indices: Iterable[int] | npt.NDArray[np.int32]) -> list[str]:
        """Name vocabulary entries: by their tokens for SPLADE, by the words that activate a latent most for CSR.

        Raises:
            InvalidVector: an index isn't an integer in ``0..2**31 - 1``.
        """
        numbers: list[int] = checked_indices(indices).tolist()
        if not self.has_latents:
            tokenizer = self._any_tokenizer()
            return [tokenizer.token(number) or f"[{number}]" for number in numbers]
        with self._loading:
            if self._latents is None:
                vocabulary = self._any_tokenizer().vocabulary()
                self._latents = latent_names(self.fingerprint, vocabulary, self.encode_documents)
        return [self._latents.get(number, f"latent {number}") for number in numbers]

    def evidence(
        self, texts: Iterable[str], indices: Iterable[Iterable[int] | npt.NDArray[np.int32]]
    ) -> list[list[list[Span]]]:
        """Find the characters of documents that activated some vocabulary entries.

        In SPLADE, the weight of an entry comes from the position in the text where its logit is highest. The evidence
        is the token at this position, as one ``(start, end)`` of character offsets. There is none if it is a special
        token, if the text doesn't activate the entry, and for CSR models, whose latents pool over all positions.

        Args:
            texts: the documents.
            indices: for each document, the entries to look up.

        Returns:
            A list of spans for each index of each text.

        Raises:
            InvalidDocument: a text isn't a string, or not valid Unicode.
            InvalidVector: an index isn't an integer in ``0..2**31 - 1``.
            InvalidInput: the number of lists of indices differs from the number of texts.

        Example:
            >>> encoder = Encoder.load("tiny")
            >>> (lion,) = encoder.encode_queries(["lion"])
            >>> encoder.evidence(["a lion hunts"], [[lion.indices[lion.values.argmax()]]])
            [[[(2, 6)]]]
        """
        read = checked_texts(texts, "document")
        if not isinstance(indices, Iterable):
            raise InvalidInput(f"evidence needs a list of indices for each text, got {type(indices).__name__}")
        wanted = [checked_indices(each) for each in indices]
        if len(read) != len(wanted):
            raise InvalidInput(f"evidence needs indices for each text, got {len(read)} texts and {len(wanted)} lists")
        found = evidence_of(self._passes("document"), self._prompt("document"), read, wanted)
        return [each.lists() for each in found]

    def token_counts(self, texts: Iterable[str]) -> list[int]:
        """The number of tokens of each text; not truncated, no special tokens."""
        return self._any_tokenizer().lengths(checked_texts(texts, "document"))

    def offsets(self, text: str) -> Offsets:
        """The character offsets of all tokens of a text, shape ``(tokens, 2)``; not truncated, no special tokens."""
        return self._any_tokenizer().offsets(checked_text(text, "document"))

    def _encode(self, texts: Iterable[str], task: Task, check: Callable[[], object] = no_check) -> list[SparseVector]:
        return self._encoded(self._prepared(checked_texts(texts, task), task), task, check)

    def _prepared(self, texts: Sequence[str], task: Task) -> list[Prepared]:
        prompt = self._prompt(task)
        return self._passes(task).route.prepare([prompt + text for text in texts])

    def _encoded(self, prepared: Sequence[Prepared], task: Task, check: Callable[[], object]) -> list[SparseVector]:
        found = encode_all(self._passes(task), prepared, positions=False, check=check)
        return [each.vector for each in found]
