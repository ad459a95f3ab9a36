"""Words of a vocabulary that are near to a text in meaning, as a dense model sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from postings.encoder.toolkit import Tokenizer

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_MOST, _DEVIATIONS = 100, 2.0
_SHORTEST = 3
_AT_ONCE = 1024

Floats = npt.NDArray[np.float32]


def whole_words(tokenizer: Tokenizer) -> dict[str, int]:
    """The tokens of a vocabulary that are whole words of three or more Latin letters, and their ids.

    Example:
        >>> from postings.encoder.toolkit import model_folder
        >>> "lion" in whole_words(Tokenizer.load(model_folder("tiny"), 512))
        True
    """
    tokens = sorted(tokenizer.vocabulary().items())
    return {token: id for token, id in tokens if token.isalpha() and token.isascii() and len(token) >= _SHORTEST}


def related_words(texts: Floats, words: Floats, ids: npt.NDArray[np.int64], size: int) -> csr_array:
    """Weigh the words nearest to each text by how much nearer they are to it than to other texts.

    Some words are near to all texts. So a word's cosine with a text is measured in standard deviations from its mean
    over all texts; the excess over two is the word's weight. Each text keeps the hundred highest weights. The product
    of two such vectors expresses how similar the dense model finds the texts, in words that an inverted index has.

    Args:
        texts: dense vectors of queries or of documents, shape ``(texts, dims)``.
        words: dense vectors of single words by the same model, shape ``(words, dims)``.
        ids: of the words in the vocabulary, shape ``(words,)``.
        size: of the vocabulary.

    Returns:
        Shape ``(texts, size)``, in float32.

    Example:
        >>> meanings = np.eye(40, dtype=np.float32)
        >>> found = related_words(meanings[:10], meanings[:3], np.array([7, 5, 6]), 8)
        >>> found[[0]].indices.tolist(), round(float(found.sum()), 3)
        ([7], 3.0)
    """
    from scipy.sparse import csr_array, vstack

    if not len(texts):
        return csr_array((0, size), dtype=np.float32)
    texts, words = (each / np.linalg.norm(each, axis=1, keepdims=True).clip(1e-12) for each in (texts, words))
    # Mean and deviation of all cosines, without keeping them.
    mean = words @ texts.mean(0)
    square = np.einsum("wd,de,we->w", words, texts.T @ texts / len(texts), words, optimize=True)
    deviation = np.sqrt((square - mean**2).clip(1e-8))
    parts, most = [], min(_MOST, len(words))
    for start in range(0, len(texts), _AT_ONCE):
        above = (texts[start : start + _AT_ONCE] @ words.T - mean) / deviation - _DEVIATIONS
        nearest = np.argpartition(-above, most - 1, axis=1)[:, :most]
        weights = np.take_along_axis(above, nearest, 1).clip(0).astype(np.float32)
        starts = np.arange(len(above) + 1) * most
        parts.append(csr_array((weights.ravel(), ids[nearest].ravel(), starts), shape=(len(above), size)))
        parts[-1].eliminate_zeros()
        parts[-1].sort_indices()
    return vstack(parts, format="csr")
