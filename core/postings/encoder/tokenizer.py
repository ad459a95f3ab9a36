"""Texts to token ids, as the model reads them, and back to characters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tokenizers

from postings.encoder.blocks import rows_of
from postings.errors import ModelNotSupported

Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Word = tuple[int, ...]
"""The ids of a word's tokens."""

UNLIMITED = 1_000_000
"""Tokens of a text that a model reads which names no limit."""

_AT_ONCE = 256  # texts: what the tokenizer notes of each takes a hundred times its ids


class Tokenizer:
    """A ``tokenizer.json``, safe to use from several threads.

    Args:
        serialized: the content of ``tokenizer.json``.
        length: tokens of a text that the model reads, special tokens included.
        special_tokens: whether the model wants ``[CLS]`` and the like around a text.
    """

    def __init__(self, serialized: str, length: int, *, special_tokens: bool = True) -> None:
        self.serialized = serialized
        self._truncating = tokenizers.Tokenizer.from_str(serialized)
        self._truncating.no_padding()
        self._truncating.enable_truncation(length)
        self._special_tokens = special_tokens
        self.length = length
        self.special_tokens: int = self._truncating.num_special_tokens_to_add(is_pair=False) if special_tokens else 0
        """How many special tokens each text gets."""

    @classmethod
    def load(cls, folder: Path, length: int, *, special_tokens: bool = True) -> Tokenizer:
        """Read ``tokenizer.json`` in ``folder``.

        Raises:
            ModelNotSupported: there is none, or it can't be read.
        """
        file = folder / "tokenizer.json"
        try:
            return cls(file.read_text(encoding="utf-8"), length, special_tokens=special_tokens)
        except FileNotFoundError as error:
            raise ModelNotSupported(f"{folder} has no fast tokenizer (tokenizer.json), which offsets need") from error
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelNotSupported(f"{file} can't be read: {error}") from error

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """The ids that the model reads of each text, truncated, special tokens included."""
        found: list[Ids] = []
        for start in range(0, len(texts), _AT_ONCE):
            some = list(texts[start : start + _AT_ONCE])
            each = [e.ids for e in self._truncating.encode_batch_fast(some, add_special_tokens=self._special_tokens)]
            lengths = list(map(len, each))
            found += rows_of(np.fromiter(chain.from_iterable(each), np.int32, sum(lengths)), lengths)
        return found

    def words(self, texts: Sequence[str]) -> list[list[Word]]:
        """The ids that the model reads of each text, word by word, without special tokens and what it doesn't know."""
        special = self._truncating.get_added_tokens_decoder().keys()
        one_object: dict[Word, Word] = {}  # of each word: a million texts then take 4 GB, not 44
        found = []
        for start in range(0, len(texts), _AT_ONCE):
            some = list(texts[start : start + _AT_ONCE])
            for each in self._truncating.encode_batch(some, add_special_tokens=self._special_tokens):
                pairs = [(word, id) for word, id in zip(each.word_ids, each.ids, strict=True) if id not in special]
                words = (tuple(id for _, id in word) for _, word in groupby(pairs, itemgetter(0)))
                found.append([one_object.setdefault(word, word) for word in words])
        return found

    def offsets(self, text: str) -> Offsets:
        """The character offsets of all tokens of a text, shape ``(tokens, 2)``, without special tokens."""
        return _offsets(self._plain.encode(text, add_special_tokens=False))

    def offsets_read(self, text: str) -> Offsets:
        """The character offsets of the ids that the model reads, ``(0, 0)`` for special tokens."""
        return _offsets(self._truncating.encode(text, add_special_tokens=self._special_tokens))

    @cached_property
    def _plain(self) -> tokenizers.Tokenizer:
        # A second one, since truncation is a tokenizer's own state; a client that only searches doesn't need it.
        plain = tokenizers.Tokenizer.from_str(self.serialized)
        plain.no_truncation()
        plain.no_padding()
        return plain

    def added(self) -> list[str]:
        """The tokens that are found in a text before it is cut into words, such as ``[MASK]``."""
        return [token.content for token in self._truncating.get_added_tokens_decoder().values()]

    def token(self, id: int) -> str | None:
        """The token of an id."""
        token: str | None = self._truncating.id_to_token(id)
        return token

    @cached_property
    def size(self) -> int:
        """Of the vocabulary: all ids are below it."""
        return max(self.vocabulary().values()) + 1

    def vocabulary(self) -> dict[str, int]:
        """All tokens and their ids."""
        found: dict[str, int] = self._truncating.get_vocab()
        return found


def _offsets(encoding: tokenizers.Encoding) -> Offsets:
    return np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)


def padded(texts: Sequence[Ids], padding: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Stack texts to ids and attention mask, both of shape ``(texts, longest)``.

    Example:
        >>> ids, mask = padded([np.array([5, 6, 7]), np.array([8])], padding=0)
        >>> ids.tolist(), mask.tolist()
        ([[5, 6, 7], [8, 0, 0]], [[1, 1, 1], [1, 0, 0]])
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, padding, dtype=np.int64)
    ids[mask] = np.concatenate(texts)
    return ids, mask.astype(np.int64)
