"""The encoder: texts in, sparse vectors out, and the characters that fired each token."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from postings.encoder.fingerprint import fingerprint
from postings.encoder.latents import latent_names
from postings.encoder.sources import model_folder
from postings.errors import MissingExtra, ModelNotSupported
from postings.vectors import SparseVector

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SparseEncoder

    from postings.encoder.splade import MaxFirst

Task = Literal["document", "query"]
Span = tuple[int, int]

_BATCH_TEXTS = 256
_BATCH_CHARACTERS = 48_000
_LONGEST_WINDOW = 512


class Encoder:
    """A trained sparse encoder: SPLADE, CSR, or a Router of both sides (inference-free queries).

    Load one with :meth:`load`. Vectors equal those of sentence-transformers' ``SparseEncoder`` to 1e-4. One
    encoder may be used from several threads; their calls take turns.

    Example:
        >>> encoder = Encoder.load("tiny")
        >>> (query,) = encoder.encode_queries(["hunting lions"])
        >>> encoder.tokens(query.indices[query.values.argsort()[::-1]])[:3]
        ['lions', 'lion', 'hunting']
    """

    def __init__(self, model: SparseEncoder, *, name: str, fingerprint: str) -> None:
        import torch

        self._torch = torch
        self._model = model.eval()
        self._lock = threading.RLock()
        self.name = name
        """What the model was called when it was loaded."""
        self.fingerprint = fingerprint
        """Stable id of weights, tokenizer and encode settings; the name of the model's vectors in a collection."""
        self._modules = {task: _modules(model, task) for task in ("document", "query")}
        self._fast = {task: _max_first(modules) for task, modules in self._modules.items()}
        self._tokenizer = _plain_tokenizer(model, name)
        self._specials: int = self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self._length = int(getattr(self._modules["document"][0], "max_seq_length", None) or _LONGEST_WINDOW)
        self._latents: dict[int, str] | None = None

    @classmethod
    def load(cls, model: str | Path = "tiny", device: str = "auto") -> Self:
        """Load a model; nothing in its folder is executed.

        Args:
            model: ``tiny`` (bundled), a folder that sentence-transformers saved, or a Hugging Face hub id.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotSupported: it isn't a sparse encoder that scores by dot product, or has no safetensors weights.
            MissingExtra: PyTorch and sentence-transformers aren't installed.
        """
        folder = model_folder(str(model))
        return cls(_load(folder, device, str(model)), name=str(model), fingerprint=fingerprint(folder))

    @property
    def window(self) -> int:
        """Tokens of a document's text that the model reads, without special tokens and prompt; at most 512."""
        prompt = self._model.prompts.get("document") or ""
        return min(self._length, _LONGEST_WINDOW) - self._specials - len(self.offsets(prompt))

    def encode_documents(self, texts: Sequence[str]) -> list[SparseVector]:
        """Encode documents, or passages of them, each to a vector over the vocabulary.

        Example:
            >>> len(Encoder.load("tiny").encode_documents(["A man is eating food."])[0]) > 10
            True
        """
        return self._encode(texts, "document")

    def encode_queries(self, texts: Sequence[str]) -> list[SparseVector]:
        """Encode queries, each to a vector over the vocabulary."""
        return self._encode(texts, "query")

    def tokens(self, indices: Sequence[int] | npt.NDArray[np.int32]) -> list[str]:
        """Name vocabulary entries: SPLADE's by their tokens, CSR's latents by the words that most activate them."""
        numbers = [int(index) for index in indices]
        if not self._is_latent():
            return [self._tokenizer.id_to_token(number) or f"[{number}]" for number in numbers]
        with self._lock:
            if self._latents is None:
                vocabulary = self._tokenizer.get_vocab()
                self._latents = latent_names(self.fingerprint, vocabulary, self.encode_documents)
        return [self._latents.get(number, f"latent {number}") for number in numbers]

    def evidence(self, text: str, indices: Sequence[int] | npt.NDArray[np.int32]) -> list[list[Span]]:
        """Which characters of a document's text fired each vocabulary entry.

        SPLADE gives an entry the maximum of its logits over the text's positions: the evidence is the token at that
        position, as ``(start, end)`` character offsets, and several where the maximum is reached several times.
        It is empty where a special token fired it, for entries that the text doesn't activate, and for CSR models,
        whose latents pool over all positions.

        Returns:
            A list of spans for each index, in the order of ``indices``.
        """
        fast = self._fast["document"]
        if fast is None or len(indices) == 0:
            return [[] for _ in indices]
        torch = self._torch
        prompt = self._model.prompts.get("document") or ""
        with self._lock, torch.inference_mode():
            features = self._features([prompt + text], self._modules["document"])
            logits = fast.logits(features, torch.as_tensor(np.asarray(indices, dtype=np.int64), device=self._device))
            highest = logits.amax(0)
            fired = ((logits == highest) & (highest > 0)).cpu().numpy()
        spans = self._truncated_offsets(prompt + text) - len(prompt)
        return [
            [(int(start), int(end)) for start, end in spans[np.flatnonzero(fired[:, column])] if end > start >= 0]
            for column in range(fired.shape[1])
        ]

    def offsets(self, text: str) -> npt.NDArray[np.int64]:
        """The character offsets of a text's tokens, shape ``(tokens, 2)``, without special tokens or truncation."""
        found = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def _truncated_offsets(self, text: str) -> npt.NDArray[np.int64]:
        """The character offsets of every position that the model reads, ``(0, 0)`` for special tokens."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        encoding.truncate(self._length - self._specials)
        return np.array(self._tokenizer.post_process(encoding).offsets, dtype=np.int64).reshape(-1, 2)

    @property
    def _device(self) -> torch.device:
        return self._model.device

    def _encode(self, texts: Sequence[str], task: Task) -> list[SparseVector]:
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings, got one string: pass [text]")
        texts = list(texts)
        longest_first = sorted(range(len(texts)), key=lambda position: -len(texts[position]))
        vectors: dict[int, SparseVector] = {}
        while len(vectors) < len(texts):
            start = len(vectors)
            size = _BATCH_CHARACTERS // max(len(texts[longest_first[start]]), 1)
            batch = longest_first[start : start + min(max(size, 1), _BATCH_TEXTS)]
            with self._lock:
                encoded = self._encode_batch([texts[position] for position in batch], task)
            vectors |= zip(batch, encoded, strict=True)
        return [vectors[position] for position in range(len(texts))]

    def _encode_batch(self, texts: list[str], task: Task) -> list[SparseVector]:
        torch, fast = self._torch, self._fast[task]
        if fast is None:
            encode = self._model.encode_document if task == "document" else self._model.encode_query
            weights = encode(texts, batch_size=len(texts), convert_to_sparse_tensor=False, show_progress_bar=False)
        else:
            prompt = self._model.prompts.get(task) or ""
            with torch.inference_mode():
                weights = fast(self._features([prompt + text for text in texts], self._modules[task]))
                if self._model.max_active_dims is not None:
                    from sentence_transformers.util import select_max_active_dims

                    weights = select_max_active_dims(weights, max_active_dims=self._model.max_active_dims)
        rows, columns = weights.nonzero(as_tuple=True)
        values = weights[rows, columns].float().cpu().numpy()
        borders = torch.bincount(rows, minlength=len(texts)).cumsum(0)[:-1].tolist()
        split = zip(np.split(columns.cpu().numpy(), borders), np.split(values, borders), strict=True)
        return [SparseVector(indices, weights) for indices, weights in split]

    def _features(self, texts: list[str], modules: list[Any]) -> dict[str, torch.Tensor]:
        prepared = modules[0].preprocess(texts)
        return {
            name: value.to(self._device) for name, value in prepared.items() if isinstance(value, self._torch.Tensor)
        }

    def _is_latent(self) -> bool:
        return type(self._modules["document"][-1]).__name__ == "SparseAutoEncoder"


def _load(folder: Path, device: str, name: str) -> SparseEncoder:
    # OpenMP's threads spin at each barrier, of which encoding has thousands: on a processor that something else uses
    # too, that made it ten times slower. To wait asleep costs nothing on an idle one. torch reads it when imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
        from sentence_transformers import SparseEncoder
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise MissingExtra("torch", f"encoding with the model {name!r}") from error
    bars_shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        model = SparseEncoder(
            str(folder),
            device=None if device == "auto" else device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        )
    except Exception as error:  # transformers raises OSError, ValueError, KeyError and others for a broken folder
        raise ModelNotSupported(f"{folder} can't be loaded as a sparse encoder: {error}") from error
    finally:
        if bars_shown:
            transformers_logging.enable_progress_bar()
    if model.similarity_fn_name != "dot":
        raise ModelNotSupported(
            f"{name!r} compares vectors by {model.similarity_fn_name}, but Qdrant scores sparse vectors by dot product"
        )
    last = type(_modules(model, "document")[-1]).__name__
    if last not in {"SpladePooling", "SparseAutoEncoder", "SparseStaticEmbedding"}:
        raise ModelNotSupported(
            f"{name!r} isn't a sparse encoder: its last module is {last}, expected SpladePooling, SparseAutoEncoder "
            "or SparseStaticEmbedding"
        )
    return model


def _modules(model: SparseEncoder, task: str) -> list[Any]:
    modules = list(model)
    if type(modules[0]).__name__ == "Router":
        routes: Any = modules[0].sub_modules
        return [*routes[task if task in routes else model[0].default_route], *modules[1:]]
    return modules


def _max_first(modules: list[Any]) -> MaxFirst | None:
    from postings.encoder.splade import MaxFirst

    if [type(module).__name__ for module in modules] in (
        ["Transformer", "SpladePooling"],
        ["MLMTransformer", "SpladePooling"],
    ):
        return MaxFirst.of(*modules)
    return None


def _plain_tokenizer(model: SparseEncoder, name: str) -> Any:
    """A copy of the document side's tokenizer that neither truncates nor pads, and that no other thread uses."""
    from tokenizers import Tokenizer

    tokenizer = _modules(model, "document")[0].tokenizer
    if not getattr(tokenizer, "is_fast", False):
        raise ModelNotSupported(f"{name!r} has no fast tokenizer (tokenizer.json), which character offsets need")
    plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    plain.no_truncation()
    plain.no_padding()
    return plain
