"""Who uses a collection while :mod:`benchmarks.reindex` changes its model: a client that searches, and a producer."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Sequence

from postings import Document, Encoder, Index, Settings
from postings_ingest import Pipeline, delete_documents
from postings_query import SearchClient

CHECKED = 20  # of so many searches, one is kept with all its hits
PRODUCED_PER_SECOND = 4


class Searcher(threading.Thread):
    """Searches without pause."""

    def __init__(self, index: Index, settings: Settings, queries: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._client = SearchClient(index=index, settings=settings)
        self._queries = queries
        self.seconds: list[tuple[float, float]] = []
        self.checked: list[tuple[str, list[tuple[str, str, float]]]] = []
        self.failed = 0
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            query = self._queries[len(self.seconds) % len(self._queries)]
            began = time.perf_counter()
            try:
                hits = self._client.search(query, words=0)
            except Exception as error:
                print(f"a search failed: {error}", file=sys.stderr)
                self.failed += 1
                hits = []
            self.seconds.append((began, time.perf_counter() - began))
            if len(self.seconds) % CHECKED == 0:
                self.checked.append((query, [(hit.title, hit.text, hit.score) for hit in hits]))

    def between(self, start: float, end: float) -> list[float]:
        return [seconds for began, seconds in self.seconds if start <= began < end]


class Updates(threading.Thread):
    """Updates and deletes documents, a few a second; ``state`` is what an in-order replay leaves."""

    def __init__(self, encoder: Encoder, index: Index, settings: Settings, corpus: Sequence[tuple[str, str]]) -> None:
        super().__init__(daemon=True)
        self._pipeline = Pipeline(encoder, index, settings)
        self._index = index
        self._corpus = corpus
        self._random = random.Random(7)
        self.state: dict[str, tuple[str, str] | None] = {str(n): each for n, each in enumerate(corpus)}
        self.stopped = False
        self._version = 1

    def run(self) -> None:
        while not self.stopped:
            self._version += 1
            id = str(self._random.randrange(len(self._corpus)))
            if self._random.random() < 0.2:
                delete_documents(self._index, [id], version=self._version)
                self.state[id] = None
            else:
                title, text = self._random.choice(self._corpus)
                text = f"{text} Revision {self._version}."
                self._pipeline.run([Document(id, text, title=title, version=self._version)])
                self.state[id] = (title, text)
            time.sleep(1 / PRODUCED_PER_SECOND)
