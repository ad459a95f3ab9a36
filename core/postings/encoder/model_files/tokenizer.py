"""From texts to the token ids that a model reads, and back to characters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tokenizers

from postings.batching import batched
from postings.encoder.arrays import rows_of
from postings.errors import ModelNotSupported

Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
Word = tuple[int, ...]
"""The ids of the tokens of a word."""

UNLIMITED = 1_000_000
"""Tokens of a text that a model without a stated limit reads."""

_BATCH = 256  # texts; the tokenizer's own record of a text takes a hundred times the memory of its ids


class Tokenizer:
    """The tokenizer of a model; several threads may use it.

    Args:
        serialized: the content of ``tokenizer.json``.
        length: tokens of a text that the model reads, including special tokens.
        special_tokens: whether special tokens such as ``[CLS]`` are put around each text.
    """

    def __init__(self, serialized: str, length: int, *, special_tokens: bool = True) -> None:
        self.serialized = serialized
        self._truncating = tokenizers.Tokenizer.from_str(serialized)
        self._truncating.no_padding()
        self._truncating.enable_truncation(length)
        self._special_tokens = special_tokens
        self.length = length
        self.special_tokens: int = self._truncating.num_special_tokens_to_add(is_pair=False) if special_tokens else 0
        """Number of special tokens around each text."""

    @classmethod
    def load(cls, folder: Path, length: int, *, special_tokens: bool = True) -> Tokenizer:
        """Read ``tokenizer.json`` in ``folder``.

        Raises:
            ModelNotSupported: the file is missing or can't be read.
        """
        file = folder / "tokenizer.json"
        try:
            return cls(file.read_text(encoding="utf-8"), length, special_tokens=special_tokens)
        except FileNotFoundError as error:
            raise no_fast_tokenizer(folder) from error
        except Exception as error:  # tokenizers raises bare Exception
            raise ModelNotSupported(f"{file} can't be read: {error}") from error

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text, truncated to the model's limit, with special tokens."""
        found: list[Ids] = []
        for batch in batched(texts, _BATCH):
            ids = [e.ids for e in self._truncating.encode_batch_fast(batch, add_special_tokens=self._special_tokens)]
            lengths = list(map(len, ids))
            found += rows_of(np.fromiter(chain.from_iterable(ids), np.int32, sum(lengths)), lengths)
        return found

    def ids_and_offsets(self, texts: Sequence[str]) -> tuple[list[Ids], list[Offsets]]:
        """The ids of each text as in :meth:`ids`, and the character offsets of each id, ``(0, 0)`` for special tokens.

        This takes a little longer than :meth:`ids` alone.
        """
        found: list[Ids] = []
        offsets: list[Offsets] = []
        for batch in batched(texts, _BATCH):
            encoded = self._truncating.encode_batch(batch, add_special_tokens=self._special_tokens)
            ids = [each.ids for each in encoded]
            lengths = list(map(len, ids))
            found += rows_of(np.fromiter(chain.from_iterable(ids), np.int32, sum(lengths)), lengths)
            pairs = chain.from_iterable(chain.from_iterable(each.offsets for each in encoded))
            offsets += rows_of(np.fromiter(pairs, np.int64, 2 * sum(lengths)).reshape(-1, 2), lengths)
        return found, offsets

    def words(self, texts: Sequence[str]) -> list[list[Word]]:
        """The ids of each text, truncated and grouped by word, without special tokens and unknown words."""
        special = self._truncating.get_added_tokens_decoder().keys()
        interned: dict[Word, Word] = {}  # one object for each word: a million texts then take 4 GB, not 44
        found = []
        for batch in batched(texts, _BATCH):
            for each in self._truncating.encode_batch(batch, add_special_tokens=self._special_tokens):
                pairs = [(word, id) for word, id in zip(each.word_ids, each.ids, strict=True) if id not in special]
                words = (tuple(id for _, id in word) for _, word in groupby(pairs, itemgetter(0)))
                found.append([interned.setdefault(word, word) for word in words])
        return found

    def offsets(self, text: str) -> Offsets:
        """The character offsets of all tokens of a text, shape ``(tokens, 2)``; not truncated, no special tokens."""
        return _offsets(self._plain.encode(text, add_special_tokens=False))

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text; not truncated, no special tokens."""
        encodings = (self._plain.encode_batch_fast(batch, add_special_tokens=False) for batch in batched(texts, _BATCH))
        return [len(each) for each in chain.from_iterable(encodings)]

    def offsets_read(self, text: str) -> Offsets:
        """The character offsets of :meth:`ids`, ``(0, 0)`` for special tokens; shape ``(tokens, 2)``."""
        return _offsets(self._truncating.encode(text, add_special_tokens=self._special_tokens))

    @cached_property
    def _plain(self) -> tokenizers.Tokenizer:
        # A second tokenizer, because truncation is part of a tokenizer's state. Clients that only search don't need it.
        plain = tokenizers.Tokenizer.from_str(self.serialized)
        plain.no_truncation()
        plain.no_padding()
        return plain

    def added(self) -> list[str]:
        """The added tokens, such as ``[MASK]``: they are found in a text before it is split into words."""
        return [token.content for token in self._truncating.get_added_tokens_decoder().values()]

    def token(self, id: int) -> str | None:
        """The token with this id; ``None`` if there is none."""
        token: str | None = self._truncating.id_to_token(id)
        return token

    @cached_property
    def size(self) -> int:
        """The size of the vocabulary: all ids are below it."""
        return max(self.vocabulary().values()) + 1

    def vocabulary(self) -> dict[str, int]:
        """All tokens and their ids."""
        found: dict[str, int] = self._truncating.get_vocab()
        return found


def no_fast_tokenizer(model: object) -> ModelNotSupported:
    """The error for a model whose tokenizer gives no character offsets."""
    return ModelNotSupported(f"{model} has no fast tokenizer (tokenizer.json), which character offsets need")


def _offsets(encoding: tokenizers.Encoding) -> Offsets:
    return np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)


def padded(texts: Sequence[Ids], padding: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pad texts to the length of the longest; return ids and attention mask, both of shape ``(texts, longest)``.

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
