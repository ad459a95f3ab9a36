"""Words as sparse vectors, with the tokens and weights of Qdrant's model ``qdrant/bm25``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import qdrant_edge as edge

from postings.documents import Span
from postings.errors import ConfigurationError
from postings.vectors import MAX_INDEX, SparseVector
from postings.words.chunks import LONGEST_REMEMBERED, KnownChunks
from postings.words.config import DEFAULT_WEIGHT, WordsConfig

if TYPE_CHECKING:
    from postings.settings import Settings

_K, _B = 1.2, 0.75
# With a large k and without a length, a document's weights tell how often a word occurs.
_COUNTING = {"k": 1e6, "b": 0.0}
_CHUNKS_CACHED = 2**12

_WORD = re.compile(r"[^\W_]+")


class Bm25:
    """Makes the words' vectors of passages and queries, as Qdrant's model ``qdrant/bm25`` does.

    A word's index is the hash of its stem. A passage's weight is ``tf (k + 1) / (tf + k (1 - b + b length / average))``
    with k = 1.2 and b = 0.75 (Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009).
    A query's weight is 1; the engine multiplies it by the word's inverse document frequency.

    Args:
        config: language, stop words, stemmer and average length.

    Raises:
        ConfigurationError: there is no such language or stemmer.

    Example:
        >>> bm25 = Bm25(WordsConfig(average_length=2.0))
        >>> (lions,), query = bm25.encode_documents(["The lions hunt"]), bm25.encode_query("a lion")
        >>> float(lions.dot(query))
        1.0
        >>> bm25.spans("The lions hunt.", query.indices.tolist())
        {1457025799: [(4, 9)]}
    """

    def __init__(self, config: WordsConfig) -> None:
        self.config = config
        self._counter = _model(config, **_COUNTING)
        self._chunks = KnownChunks(self._tokens)
        self._in_chunk = lru_cache(_CHUNKS_CACHED)(self._read)

    def encode_documents(self, texts: Iterable[str]) -> list[SparseVector]:
        """Encode passages, each as title and text; see :func:`word_input`."""
        return self.weighted(self.counts(texts))

    def counts(self, texts: Iterable[str]) -> list[SparseVector]:
        """How often each word occurs in each text, without stop words; the sum is the text's length."""
        return [self._counted(text) for text in texts]

    def weighted(self, counts: Iterable[SparseVector]) -> list[SparseVector]:
        """The weights of words by their :meth:`counts` in each text."""
        vectors = []
        for each in counts:
            length = each.values.sum(dtype=np.float64)
            saturation = _K * (1 - _B + _B * length / self.config.length)
            weights = each.values * (_K + 1) / (each.values + saturation)
            vectors.append(SparseVector.unchecked(each.indices, weights.astype(np.float32)))
        return vectors

    def encode_query(self, text: str) -> SparseVector:
        """Encode a query: the weight of each word is 1."""
        return _vector(self._counter.embed_query(text))

    def spans(self, text: str, indices: Collection[int]) -> dict[int, list[Span]]:
        """Where words occur in a text, as ``(start, end)`` in characters, by their indices.

        Args:
            text: the text.
            indices: the words to look for.
        """
        wanted = frozenset(indices)
        found: dict[int, list[Span]] = {}
        for chunk in self._chunks.having(set(text.split()), wanted):
            inside = self._in_chunk(chunk) if len(chunk) <= LONGEST_REMEMBERED else self._read(chunk)
            tokens = inside.keys() & wanted
            for place in _places(chunk, text):
                for token in tokens:
                    found.setdefault(token, []).extend([(place + start, place + end) for start, end in inside[token]])
        return {token: sorted(spans) for token, spans in found.items()}

    def _counted(self, text: str) -> SparseVector:
        vector = _vector(self._counter.embed_document(text))
        weights, k = vector.values.astype(np.float64), _COUNTING["k"]
        return SparseVector.unchecked(vector.indices, np.rint(weights * k / (k + 1 - weights)).astype(np.float32))

    def _tokens(self, text: str) -> frozenset[int]:
        return frozenset(self._counter.embed_query(text).indices)

    def _read(self, chunk: str) -> dict[int, list[Span]]:
        """Where the words of a chunk occur in it."""
        spans: dict[int, list[Span]] = {token: [] for token in self._tokens(chunk)}
        for match in _WORD.finditer(chunk):
            for token in spans.keys() & self._tokens(match[0]):
                spans[token].append(match.span())
        # The engine may cut words elsewhere than at what Python calls a letter: the whole chunk is shown then.
        return {token: found or [(0, len(chunk))] for token, found in spans.items()}


def configured(settings: Settings) -> WordsConfig | None:
    """How the words of a new collection are read, by the settings; ``None`` if it has none.

    Raises:
        ConfigurationError: there is no such language or stemmer.

    Example:
        >>> configured(Settings(words_language="german")).language
        'german'
    """
    weight = DEFAULT_WEIGHT if settings.words is None else settings.words
    if not weight:
        return None
    stopwords = settings.words_stopwords
    config = WordsConfig(
        weight=weight,
        language=settings.words_language,
        stemmer=settings.words_stemmer,
        stopwords=None if stopwords is None else tuple(stopwords),
        average_length=settings.words_average_length,
    )
    return Bm25(config).config


def changed(words: WordsConfig | None, settings: Settings) -> WordsConfig:
    """How the words of an existing collection are to be read: as they are, but for what the settings name.

    Raises:
        ConfigurationError: there is no such language or stemmer.

    Example:
        >>> changed(WordsConfig(language="german"), Settings(words=0.8)).to_json()
        {'weight': 0.8, 'language': 'german', 'measured_on': 0}
    """
    named = configured(settings) or WordsConfig()
    if words is None:
        return named
    fields = {"words": "weight", **{f"words_{name}": name for name in ("language", "stemmer", "stopwords")}}
    fields["words_average_length"] = "average_length"
    given = {name: getattr(named, name) for field, name in fields.items() if field in settings.model_fields_set}
    if "average_length" in given:
        given["measured_on"] = 0
    return replace(words, **given)


def word_input(title: str, text: str) -> str:
    """The words that are indexed for a passage: those of its title, then those of its text."""
    return f"{title} {text}" if title else text


def _places(chunk: str, text: str) -> Iterator[int]:
    """Where a chunk stands between white space."""
    end = 0
    while (start := text.find(chunk, end)) >= 0:
        end = start + len(chunk)
        if (not start or text[start - 1].isspace()) and (end == len(text) or text[end].isspace()):
            yield start


def _vector(vector: edge.SparseVector) -> SparseVector:
    indices, values = np.asarray(vector.indices, np.int64), np.asarray(vector.values, np.float32)
    order = np.argsort(indices)
    order = order[indices[order] <= MAX_INDEX]
    return SparseVector.unchecked(indices[order].astype(np.int32), values[order])


def _model(config: WordsConfig, k: float, b: float) -> edge.Bm25:
    language, stopwords, stemmer = config.language.lower(), config.stopwords, (config.stemmer or "").lower()
    neutral = language == "none"
    if stemmer == "none" or (neutral and not stemmer):
        chosen: edge.SnowballParams | edge.DisabledStemmer | None = edge.DisabledStemmer()
    else:
        chosen = edge.SnowballParams(_stemmer(stemmer)) if stemmer else None
    if neutral and stopwords is None:
        stopwords = ()
    try:
        return edge.Bm25(
            edge.Bm25Config(
                k=k,
                b=b,
                language=None if neutral else language,
                stemmer=chosen,
                stopwords=None if stopwords is None else edge.StopwordsSet(custom=set(stopwords)),
            )
        )
    except ValueError as error:
        names = ", ".join(sorted(_languages().keys() - _WITHOUT_STOPWORDS))
        raise ConfigurationError(
            f"words_language: expected 'none' or a language such as {names}, got {config.language!r:.100}"
        ) from error


def _stemmer(name: str) -> edge.SnowballLanguage:
    names = _languages()
    if name not in names:
        raise ConfigurationError(f"words_stemmer: expected 'none' or one of {', '.join(names)}, got {name!r:.100}")
    return getattr(edge.SnowballLanguage, names[name])  # type: ignore[no-any-return]


_WITHOUT_STOPWORDS = {"armenian", "tamil"}
"""The engine has a stemmer for them, but doesn't take them for a language."""


def _languages() -> dict[str, str]:
    """The engine's names of the languages that it has a stemmer for, by their names in small letters."""
    return {each.lower(): each for each in dir(edge.SnowballLanguage) if each[0].isupper()}
