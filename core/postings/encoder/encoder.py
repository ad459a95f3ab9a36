"""The encoder: texts in, sparse vectors out, and the characters that fired each token."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from postings.encoder.activations import Activations, Integers
from postings.encoder.backends import Backend, Precision
from postings.encoder.fingerprint import fingerprint
from postings.encoder.folder import ModelFolder, Task, sparse_module
from postings.encoder.gathering import encode_all, positions_in_all
from postings.encoder.latents import latent_names
from postings.encoder.loading import Loader
from postings.encoder.sharing import SharedPasses, Work
from postings.encoder.sources import model_folder
from postings.encoder.texts import checked_text, checked_texts, each_of
from postings.encoder.tokenizer import Offsets, Tokenizer
from postings.errors import InvalidInput
from postings.process import OwnedLock
from postings.vectors import SparseVector, checked_indices

if TYPE_CHECKING:
    from postings.settings import Settings

Span = tuple[int, int]
_STREAM = 4096


class Encoder:
    """A trained sparse encoder: SPLADE, CSR, or a Router of both sides (such as inference-free queries).

    Load one with :meth:`load`. Vectors equal those of sentence-transformers' ``SparseEncoder`` to 1e-4. One encoder
    may be used from several threads, which share its passes over the model.

    Example:
        >>> encoder = Encoder.load("tiny")
        >>> (query,) = encoder.encode_queries(["hunting lions"])
        >>> encoder.tokens(query.indices[query.values.argsort()[::-1]])[:3]
        ['lions', 'hunting', 'hunt']
    """

    def __init__(self, folder: ModelFolder, loader: Loader, *, name: str, fingerprint: str) -> None:
        self.name = name
        """What the model was called when it was loaded."""
        self.fingerprint = fingerprint
        """Stable id of weights, tokenizer and encode settings; the name of the model's vectors in a collection."""
        self.precision = loader.precision
        """As it was loaded; all but ``float32`` change the vectors a little."""
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
        """Load a model; nothing in its folder is executed.

        A model that encodes documents and queries by different modules loads each side when it is first used.

        Args:
            model: ``tiny`` (bundled), a folder that sentence-transformers saved, or a Hugging Face hub id.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
            backend: ``torch``, ``onnx`` (on the processor), or ``auto``: ``onnx`` for SPLADE models where there is no
                GPU, ``torch`` for all others. A model that has no graphs is exported once, which takes some seconds
                and PyTorch; they are kept in the cache folder.
            precision: ``float32`` gives the vectors of sentence-transformers; the others are faster and change them:
                ``bfloat16`` and ``float16`` (``torch``), ``int8`` (``onnx``).

        Raises:
            ModelNotFound: there is no such model.
            ModelNotSupported: it isn't a sparse encoder that scores by dot product, or has no safetensors weights.
            MissingExtra: PyTorch and sentence-transformers aren't installed, and the model needs them.
            ConfigurationError: there is no such back end or precision, or they don't go together.
        """
        path = model_folder(str(model))
        folder, identity = ModelFolder.read(path), fingerprint(path)
        loader = Loader(folder, str(model), identity, device, backend, precision)
        encoder = cls(folder, loader, name=str(model), fingerprint=identity)
        if folder.has_one_side:
            encoder._passes("document")
        return encoder

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Load the model that the settings name, as they say."""
        from postings.settings import Settings

        said = Settings.given(settings)
        return cls.load(said.model, said.device, said.backend, said.precision)

    @property
    def backend(self) -> str:
        """``torch`` or ``onnx``."""
        return self._loader.backend

    @property
    def device(self) -> str:
        """Where it encodes, for example ``cpu`` or ``cuda:0``."""
        return self._loader.device

    @property
    def work(self) -> Work:
        """Passes, tokens and seconds since it was loaded."""
        with self._loading:
            each = {id(passes): passes.work for passes in self._loaded.values()}
        return sum(each.values(), Work())

    @property
    def window(self) -> int:
        """Tokens of a document's text that the model reads, without special tokens and prompt."""
        tokenizer = self._passes("document").route.tokenizer
        prompt = tokenizer.offsets(self._prompt("document"))
        return tokenizer.length - tokenizer.special_tokens - len(prompt)

    def query_tokens_left_out(self, query: str) -> int:
        """How many of a query's tokens are beyond the model's window, and so not read.

        Example:
            >>> Encoder.load("tiny").query_tokens_left_out("hunting lions")
            0
        """
        tokenizer = self._passes("query").route.tokenizer
        read = self._prompt("query") + checked_text(query, "query")
        tokens = len(tokenizer.offsets(read)) + tokenizer.special_tokens
        return max(tokens - tokenizer.length, 0)

    def encode_documents(self, texts: Iterable[str], check: Callable[[], object] = bool) -> list[SparseVector]:
        """Encode documents, or passages of them, each to a vector over the vocabulary.

        Args:
            texts: any number; those of similar length go through the model together.
            check: called before each pass over the model; what it raises ends the work.

        Raises:
            InvalidDocument: a text isn't a string, or not valid Unicode.

        Example:
            >>> len(Encoder.load("tiny").encode_documents(["A man is eating food."])[0]) > 10
            True
        """
        return [found.vector for found in self._encode(texts, "document", check=check)]

    def encode_queries(self, texts: Iterable[str]) -> list[SparseVector]:
        """Encode queries, each to a vector over the vocabulary.

        Raises:
            InvalidQuery: a text isn't a string, or not valid Unicode.
        """
        return [found.vector for found in self._encode(texts, "query")]

    def stream_documents(self, texts: Iterable[str]) -> Iterator[SparseVector]:
        """Encode any number of documents in their order, some thousands at a time.

        Example:
            >>> vectors = Encoder.load("tiny").stream_documents(f"document {n}" for n in range(3))
            >>> sum(1 for _ in vectors)
            3
        """
        source = each_of(texts, "document")
        while window := list(itertools.islice(source, _STREAM)):
            yield from self.encode_documents(window)

    def encode_with_evidence(self, texts: Iterable[str]) -> list[tuple[SparseVector, list[list[Span]]]]:
        """Encode documents, and say which characters fired each entry, in the same pass over the model.

        Returns:
            Each text's vector, and for each of its indices what :meth:`evidence` gives.

        Raises:
            InvalidDocument: a text isn't a string, or not valid Unicode.

        Example:
            >>> encoder = Encoder.load("tiny")
            >>> ((vector, evidence),) = encoder.encode_with_evidence(["a lion hunts"])
            >>> evidence[vector.values.argmax()]
            [(2, 6)]
        """
        read = checked_texts(texts, "document")
        found = self._encode(read, "document", positions=True)
        return [
            (each.vector, self._spans(text, each.positions, len(each.vector)))
            for text, each in zip(read, found, strict=True)
        ]

    def tokens(self, indices: Iterable[int] | npt.NDArray[np.int32]) -> list[str]:
        """Name vocabulary entries: SPLADE's by their tokens, CSR's latents by the words that most activate them.

        Raises:
            InvalidVector: an index isn't an integer in ``0..2**31 - 1``.
        """
        numbers: list[int] = checked_indices(indices).tolist()
        if not self._has_latents():
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
        """Which characters of documents fired some vocabulary entries.

        SPLADE gives an entry the maximum of its logits over the text's positions: the evidence is the token at that
        position, as one ``(start, end)`` of character offsets. It is empty where a special token fired it, for
        entries that the text doesn't activate, and for CSR models, whose latents pool over all positions.

        Args:
            texts: the documents.
            indices: the entries asked for, for each document.

        Returns:
            A list of spans for each index of each text.

        Raises:
            InvalidDocument: a text isn't a string, or not valid Unicode.
            InvalidVector: an index isn't an integer in ``0..2**31 - 1``.
            InvalidInput: there aren't as many lists of indices as texts.

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
        passes = self._passes("document")
        prepared = passes.route.prepare([self._prompt("document") + text for text in read])
        found = positions_in_all(passes, prepared, wanted)
        return [self._spans(text, found[at], len(wanted[at])) for at, text in enumerate(read)]

    def offsets(self, text: str) -> Offsets:
        """The character offsets of a text's tokens, shape ``(tokens, 2)``, without special tokens or truncation."""
        return self._any_tokenizer().offsets(checked_text(text, "document"))

    def _encode(
        self, texts: Iterable[str], task: Task, *, positions: bool = False, check: Callable[[], object] = bool
    ) -> list[Activations]:
        prompt = self._prompt(task)
        passes = self._passes(task)
        prepared = passes.route.prepare([prompt + text for text in checked_texts(texts, task)])
        return encode_all(passes, prepared, positions=positions, check=check)

    def _spans(self, text: str, positions: Integers | None, count: int) -> list[list[Span]]:
        if positions is None:
            return [[] for _ in range(count)]
        prompt = self._prompt("document")
        read = prompt + text
        offsets = self._passes("document").route.tokenizer.offsets_read(read)
        spans = [
            _trimmed(read, int(offsets[at, 0]), int(offsets[at, 1]), len(prompt)) if at >= 0 else (0, 0)
            for at in positions
        ]
        return [[(start, end)] if end > start >= 0 else [] for start, end in spans]

    def _prompt(self, task: Task) -> str:
        return self._folder.prompts[task]

    def _passes(self, task: Task) -> SharedPasses:
        with self._loading:
            if task not in self._loaded:
                passes = SharedPasses(self._loader.route(task))
                one = self._folder.has_one_side
                self._loaded |= {"document": passes, "query": passes} if one else {task: passes}
            return self._loaded[task]

    def _any_tokenizer(self) -> Tokenizer:
        with self._loading:
            loaded = next(iter(self._loaded.values()), None) or self._passes("document")
        return loaded.route.tokenizer

    def _has_latents(self) -> bool:
        return sparse_module([module.name for module in self._folder.document]) == "SparseAutoEncoder"


def _trimmed(text: str, start: int, end: int, offset: int) -> Span:
    """A token without the space before it, which byte-level tokenizers count in."""
    while start < end and text[start].isspace():
        start += 1
    return start - offset, end - offset
