"""Reranking: a cross-encoder reads the query together with each of the best hits, and orders them anew."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from postings.cards import check_device
from postings.errors import MissingExtra, ModelNotSupported
from postings.index import ScoredPoint
from postings.words import word_input

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class Ranked(NamedTuple):
    """A point that was found.

    Attributes:
        point: with the score of the search.
        rank: its rank in the search, from 1; ``None`` if hits weren't reranked.
        score: the cross-encoder's score; ``None`` if it didn't read the point.
    """

    point: ScoredPoint
    rank: int | None = None
    score: float | None = None


class Reranker:
    """Orders hits by a cross-encoder of sentence-transformers (Nogueira and Cho, Passage Re-ranking with BERT, 2019).

    It is slow: it reads a text for each hit, where a search reads only vectors. Create one for all searches.

    Args:
        model: a loaded cross-encoder with one score for each pair.

    Example:
        >>> reranker = Reranker.load("models/reranker")  # doctest: +SKIP
        >>> client.search("chasing prey", rerank=reranker)[0].rerank_score  # doctest: +SKIP
        8.12
    """

    def __init__(self, model: CrossEncoder) -> None:
        self._model = model
        # PyTorch uses all cores for one call already, and a tokenizer can't be used by two threads at once.
        self._lock = threading.Lock()

    @classmethod
    def load(cls, model: str, device: str | None = None) -> Self:
        """Load a cross-encoder.

        Args:
            model: a folder that sentence-transformers saved, or a hub id ``owner/name``.
            device: ``cpu``, ``cuda``…; by default a GPU if there is one.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotSupported: it isn't a cross-encoder, or has no safetensors weights.
            MissingExtra: sentence-transformers isn't installed.
            ConfigurationError: there is no such device.
        """
        from postings.encoder.toolkit import model_folder

        folder = model_folder(model)
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise MissingExtra("torch", "reranking") from error
        check_device(device or "auto")
        try:
            loaded = CrossEncoder(str(folder), device=device, trust_remote_code=False, local_files_only=True)
        except Exception as error:  # transformers raises OSError, ValueError, KeyError and others for a broken folder
            raise ModelNotSupported(f"{model!r} isn't a cross-encoder: {error}") from error
        return cls(loaded)

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Score texts for a query; higher is better.

        Raises:
            ModelNotSupported: the model has several scores for a pair, or one isn't a number.
        """
        if not texts:
            return []
        with self._lock:
            scores = np.asarray(self._model.predict([(query, text) for text in texts], show_progress_bar=False))
        if scores.shape != (len(texts),) or not np.isfinite(scores).all():
            raise ModelNotSupported(
                f"reranking needs a cross-encoder with one finite score for each pair, got the shape {scores.shape}"
            )
        return [float(score) for score in scores]

    def ranked(self, query: str, points: Sequence[ScoredPoint], top: int) -> list[Ranked]:
        """Order the first ``top`` points by the cross-encoder; equal scores, and all other points, stay in order."""
        texts = [word_input(point.payload["title"], point.payload["text"]) for point in points[:top]]
        scores = self.scores(query, texts)
        first = [Ranked(point, rank, score) for rank, (point, score) in enumerate(zip(points, scores, strict=False), 1)]
        rest = [Ranked(point, rank) for rank, point in enumerate(points[top:], top + 1)]
        return [*sorted(first, key=lambda each: -(each.score or 0.0)), *rest]
