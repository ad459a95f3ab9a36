"""Known answers to each query, so that none becomes a negative."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from postings.ir_dataset import is_ir_dataset
from postings_training.data.beir import load_corpus, load_judgements, load_queries, set_name
from postings_training.data.judgements import CorpusText
from postings_training.data.resemblance import normalized
from postings_training.data.rows import read_rows


def text_key(text: str) -> str:
    """Return a key that is equal for texts which differ in case and punctuation only."""
    return hashlib.sha256(normalized(text).encode()).hexdigest()


class Answers:
    """The answers in a file of pairs, in a BEIR folder by the judgements of all its splits, or in an ir-datasets set.

    Texts are stored as keys, so memory grows with the number of pairs, not with their length.

    Args:
        source: see :func:`read_rows`.
        split: of a BEIR folder.

    Raises:
        ReaderError: it can't be read.
    """

    def __init__(self, source: Path, split: str) -> None:
        self.pairs = 0
        """Number of pairs."""
        self._source = source
        self._split = split
        self._corpus: dict[str, CorpusText] | None = None
        self._documents: dict[str, set[str]] = defaultdict(set)
        self._answers: dict[str, set[str]] = defaultdict(set)
        for _, pair in read_rows(source, split):
            self.pairs += 1
            self._add(pair.query, pair.positive, _document_key(pair.source, pair.doc_id))
            self._documents[text_key(pair.positive)] |= _document_key(pair.source, pair.doc_id)
        if source.is_dir():
            self._read_folder(source, sorted(file.stem for file in (source / "qrels").glob("*.tsv")))
        elif is_ir_dataset(source):
            self._read_folder(source, [split])

    @property
    def texts(self) -> int:
        """Number of distinct texts, ignoring case and punctuation."""
        return len(self._documents)

    def stream_texts(self) -> Iterator[str]:
        """Yield each text once, in the order of the source: all positives, or the corpus."""
        texts = (
            (pair.positive for _, pair in read_rows(self._source, self._split))
            if self._corpus is None
            else (document.whole for document in self._corpus.values())
        )
        seen: set[str] = set()
        for text in texts:
            key = text_key(text)
            if text and key not in seen:
                seen.add(key)
                yield text

    def known(self, query: str) -> int:
        """The number of texts and documents that are known to answer a query."""
        return len(self._answers.get(text_key(query), ()))

    def answered_by(self, query: str, text: str) -> bool:
        """Whether a text, or another text of its document, is known to answer a query."""
        key, answers = text_key(text), self._answers.get(text_key(query), set())
        return key in answers or not answers.isdisjoint(self._documents[key])

    def _read_folder(self, folder: Path, splits: Iterable[str]) -> None:
        self._corpus = load_corpus(folder)
        name = set_name(folder)
        for document_id, document in self._corpus.items():
            if document.whole:
                self._documents[text_key(document.whole)] |= _document_key(name, document_id)
        queries = load_queries(folder)
        for split in splits:
            for query_id, grades in load_judgements(folder, split).items():
                for document_id, grade in grades.items():
                    if grade > 0 and query_id in queries and document_id in self._corpus:
                        text = self._corpus[document_id].whole
                        self._add(queries[query_id], text, _document_key(name, document_id))

    def _add(self, query: str, positive: str, document: set[str]) -> None:
        self._answers[text_key(query)] |= {text_key(positive)} | document


def _document_key(source: str, doc_id: str) -> set[str]:
    """The key of a document, which differs from those of texts; empty if the pair names no document."""
    return {f"{source}\0{doc_id}"} if doc_id else set()
