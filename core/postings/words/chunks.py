"""Which chunks of a text, cut at white space, have a word."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

LONGEST_REMEMBERED = 64
"""Characters; longer chunks come once, and would fill the memory."""

_MOST = 2**16


class KnownChunks:
    """Remembers which words chunks have: a hit has hundreds of chunks, few of them new, and fewer with a wanted word.

    Both are found by operations on sets, without a step for each chunk. Threads may share an instance.

    Args:
        read: gives the words of a chunk.

    Example:
        >>> chunks = KnownChunks(lambda chunk: {ord(letter) for letter in chunk})
        >>> sorted(chunks.having({"ab", "bc", "cd"}, {ord("b")}))
        ['ab', 'bc']
    """

    def __init__(self, read: Callable[[str], AbstractSet[int]]) -> None:
        self._read = read
        # Replaced together, so that no thread sees one without the other.
        self._memory: tuple[set[str], dict[int, set[str]]] = (set(), {})

    def having(self, chunks: AbstractSet[str], wanted: AbstractSet[int]) -> set[str]:
        """Those of the chunks that have one of the wanted words."""
        known, by_word = self._memory
        if len(known) > _MOST:
            known, by_word = self._memory = set(), {}
        found = set()
        for chunk in chunks - known:
            words = self._read(chunk)
            if len(chunk) > LONGEST_REMEMBERED:
                found |= {chunk} if words & wanted else set()
                continue
            for word in words:
                by_word.setdefault(word, set()).add(chunk)
            known.add(chunk)
        return found.union(*(chunks & by_word[word] for word in wanted if word in by_word))
