"""The encoder: from texts to sparse vectors, and to the characters that activated each entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from postings.arguments import no_check
from postings.batching import batched
from postings.documents import Span
from postings.encoder.evidence import Evidence, evidence_of, with_evidence
from postings.encoder.latent_names import latent_names
from postings.encoder.loader import Loader
from postings.encoder.model_files.fingerprint import fingerprint
from postings.encoder.model_files.json_files import malformed
from postings.encoder.model_files.location import lasting_name, model_folder
from postings.encoder.model_files.modules import ModelFolder, Task, sparse_module
from postings.encoder.model_files.tokenizer import Offsets, Tokenizer
from postings.encoder.passes.bulk import encode_all
from postings.encoder.passes.shared import SharedPasses
from postings.encoder.passes.work import Work
from postings.encoder.text_arguments import checked_text, checked_texts, iterate
from postings.encoding_options import Backend, Precision
from postings.errors import InvalidInput
from postings.process import OwnedLock
from postings.vectors import SparseVector, checked_indices

if TYPE_CHECKING:
    from postings.settings import Settings

_STREAM = 4096  # texts


class Encoder:
    """A trained sparse encoder: SPLADE, CSR, or a Router with a side each for documents and queries.

    Load one with :meth:`load`. Its vectors equal those of sentence-transformers' ``SparseEncoder`` to 1e-4. Several
    threads may use one encoder; they share its passes over the model.

    Example:
        >>> encoder = Encoder.load("tiny")
        >>> (query,) = encoder.encode_queries(["hunting lions"])
        >>> encoder.tokens(query.indices[query.values.argsort()[::-1]])[:3]
        ['lions', 'hunting', 'hunt']
    """

    def __init__(self, folder: ModelFolder, loader: Loader, *, name: str, fingerprint: str) -> None:
        self.name = name
        """The name or path that the model was loaded by."""
        self.location = lasting_name(name)
        """The same, but absolute if it is a path: a collection keeps it, so that others can load the model."""
        self.fingerprint = fingerprint
        """A stable id of weights, tokenizer and encode settings; it names the model's vectors in a collection."""
        self.precision = loader.precision
        """The precision it was loaded in; all but ``float32`` change the vectors a little."""
        self._folder = folder
        self._loader = loader
        self._loading = OwnedLock("encoder", "load")
        self._loaded: dict[Task, SharedPasses] = {}
        self._latents: dict[int, str] | None = None

    @classmethod
    def load(
        cls,
        model: str | Path = "tiny",
        device: str = "auto",
        backend: Backend = "auto",
        precision: Precision = "float32",
    ) -> Self:
        """Load a model without running code from its folder.

        If different modules encode documents and queries, each side is loaded when it is first used.

        Args:
            model: ``tiny`` (bundled), a folder that sentence-transformers saved, or a Hugging Face hub id.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
            backend: ``torch``, ``onnx`` (on the CPU), or ``auto``: ``onnx`` for SPLADE models if there is no GPU,
                ``torch`` otherwise. A model without ONNX graphs is exported once, which takes some seconds and needs
                PyTorch; the graphs are kept in the user's cache folder.
            precision: ``float32`` gives the vectors of sentence-transformers. The others are faster and change them:
                ``bfloat16`` and ``float16`` (``torch``), ``int8`` (``onnx``).

        Raises:
            ModelNotFound: there is no such model.
            ModelNotSupported: the model isn't a sparse encoder that scores by dot product, has no safetensors weights,
                or a damaged configuration.
            MissingExtra: the model needs PyTorch and sentence-transformers, which aren't installed.
            ConfigurationError: the backend or the precision doesn't exist, or they can't be combined; or there is no
                such device.
        """
        path = model_folder(str(model))
        folder, identity = ModelFolder.read(path), fingerprint(path)
        with malformed(path):
            loader = Loader(folder, str(model), identity, device, backend, precision)
        encoder = cls(folder, loader, name=str(model), fingerprint=identity)
        if folder.has_one_side:
            encoder._passes("document")
        return encoder

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Load ``settings.model``, on the device and backend of the settings and in their precision."""
        from postings.settings import Settings

        checked = Settings.given(settings)
        return cls.load(checked.model, checked.device, checked.backend, checked.precision)

    @property
    def backend(self) -> str:
        """``torch`` or ``onnx``."""
        return self._loader.backend

    @property
    def device(self) -> str:
        """The device that encodes, for example ``cpu`` or ``cuda:0``."""
        return self._loader.device

    @property
    def work(self) -> Work:
        """Passes, tokens and seconds since the encoder was loaded."""
        with self._loading:
            each = {id(passes): passes.work for passes in self._loaded.values()}
        return sum(each.values(), Work())

    @property
    def window(self) -> int:
        """Number of tokens of a document that the model reads, besides special tokens and prompt."""
        tokenizer = self._passes("document").route.tokenizer
        prompt = tokenizer.offsets(self._prompt("document"))
        return tokenizer.length - tokenizer.special_tokens - len(prompt)

    @property
    def dims(self) -> int:
        """The size of the vocabulary, or the number of latents: all indices of vectors are below it.

        Example:
            >>> Encoder.load("tiny").dims
            30522
        """
        return self._passes("query").route.dims

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

    def encode_with_evidence(self, texts: Iterable[str]) -> list[tuple[SparseVector, list[list[Span]]]]:
        """Encode documents, and find the characters that activated each entry, in one pass over the model.

        Returns:
            The vector of each text, and for each of its indices the spans that :meth:`evidence` returns.

        Raises:
            InvalidDocument: a text isn't a string, or not valid Unicode.

        Example:
            >>> encoder = Encoder.load("tiny")
            >>> ((vector, evidence),) = encoder.encode_with_evidence(["a lion hunts"])
            >>> evidence[vector.values.argmax()]
            [(2, 6)]
        """
        return [(vector, found.lists()) for vector, found in self.encode_for_storage(texts)]

    def encode_for_storage(
        self, texts: Iterable[str], check: Callable[[], object] = no_check
    ) -> list[tuple[SparseVector, Evidence]]:
        """Do the same, but leave the evidence as :mod:`postings.stored_evidence` takes it.

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
        prompt, passes = self._prompt(task), self._passes(task)
        prepared = passes.route.prepare([prompt + text for text in checked_texts(texts, task)])
        return [found.vector for found in encode_all(passes, prepared, positions=False, check=check)]

    def _prompt(self, task: Task) -> str:
        return self._folder.prompts[task]

    def _passes(self, task: Task) -> SharedPasses:
        with self._loading:
            if task not in self._loaded:
                with malformed(self._folder.path):
                    passes = SharedPasses(self._loader.route(task))
                one = self._folder.has_one_side
                self._loaded |= {"document": passes, "query": passes} if one else {task: passes}
            return self._loaded[task]

    def _any_tokenizer(self) -> Tokenizer:
        with self._loading:
            loaded = next(iter(self._loaded.values()), None) or self._passes("document")
        return loaded.route.tokenizer

    @property
    def has_latents(self) -> bool:
        """Whether entries are the latents of CSR, rather than tokens."""
        return sparse_module([module.name for module in self._folder.document]) == "SparseAutoEncoder"
