"""The words' vectors of passages, for writers."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from postings import Index, Passage, SparseVector
from postings.index.models import CollectionModels
from postings.words import Bm25, WordsConfig, word_input


class Words:
    """Makes the words' vectors of passages, and measures how long new ones are in the mean.

    Args:
        index: where the average is recorded.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._bm25: Bm25 | None = None
        self._passages = self._words = 0

    def of(
        self, models: CollectionModels, passages: Sequence[Passage], new: Collection[str]
    ) -> tuple[list[SparseVector], CollectionModels]:
        """The words' vectors of passages; none if the collection has no words.

        Args:
            models: of the collection.
            passages: to read.
            new: the ids of documents that the collection doesn't have yet: their length is measured.

        Returns:
            A vector for each passage, and the models with the average length that is now recorded.

        Raises:
            ConfigurationError: the collection's language isn't known here.
            IndexFailure: the average can't be recorded.
        """
        if models.words is None:
            return [], models
        counted = models.words
        counts = self.bm25(counted).counts(word_input(each.title, each.text) for each in passages)
        lengths = [
            float(each.values.sum()) for each, passage in zip(counts, passages, strict=True) if passage.doc_id in new
        ]
        with self._lock:
            self._passages += len(lengths)
            self._words += int(sum(lengths))
            if counted.measured(self._words, self._passages) != counted:
                models = self._record(self._index.models(), counted)
        if models.words is None:
            return [], models
        if not models.words.reads_like(counted):  # another process has changed the language meanwhile
            return self.of(models, passages, ())
        return self.bm25(models.words).weighted(counts), models

    def _record(self, models: CollectionModels, counted: WordsConfig) -> CollectionModels:
        """Record the average, beside what others have recorded meanwhile; none of words that were read otherwise."""
        if models.words is not None and not models.words.reads_like(counted):
            self._passages = self._words = 0
            return models
        measured = models.words and models.words.measured(self._words, self._passages)
        if measured is None or measured == models.words:
            return models
        self._passages = self._words = 0
        return self._index.set_words(measured)

    def bm25(self, words: WordsConfig) -> Bm25:
        """Reads and weights words in this way."""
        found = self._bm25
        if found is None or found.config != words:
            found = self._bm25 = Bm25(words)  # another thread may replace it at once
        return found
