"""Mining hard negatives: texts that the model ranks high for a query that they don't answer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from postings import EdgeIndex, Encoder, Index, SparseVector
from postings.arguments import as_integer
from postings.batching import batched
from postings.documents import point_id
from postings.errors import ConfigurationError
from postings.index import Point, SearchRequest
from postings_training.callbacks import OnProgress
from postings_training.data.resemblance import resemblance, shingles
from postings_training.data.rows import Row, read_rows
from postings_training.mining.answers import Answers, text_key
from postings_training.mining.guards import Guards

TEXT_ALIKE = 0.8
"""Texts with at least this resemblance to the positive count as the same."""

_TEXTS = 512
_QUERIES = 64


@dataclass(frozen=True, slots=True)
class Mined:
    """A pair with its negatives, the highest score first, and the model's scores of positive and negatives.

    A MarginMSE loss learns the differences between these scores (Hofstätter et al. 2020,
    https://arxiv.org/abs/2010.02666).
    """

    pair: Row
    negatives: tuple[str, ...]
    scores: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a row of training data."""
        named = {"source": self.pair.source, "doc_id": self.pair.doc_id}
        return {
            "query": self.pair.query,
            "positive": self.pair.positive,
            "negatives": list(self.negatives),
            "scores": [round(score, 5) for score in self.scores],
            **{name: value for name, value in named.items() if value},
        }


def mine(
    source: str | os.PathLike[str],
    encoder: Encoder,
    negatives: int = 5,
    guards: Guards | None = None,
    *,
    split: str = "train",
    progress: OnProgress | None = None,
) -> Iterator[Mined]:
    r"""Mine negatives for each pair, in the order of the pairs.

    The candidates are all positives of a JSON Lines file, or the corpus of a BEIR folder. They are encoded into an
    embedded index in a temporary folder, which is searched for each query. A text isn't a negative if it, or another
    text of its document, answers the query in another pair or by a judgement of any split, or if it nearly equals the
    positive.

    Args:
        source: see :func:`.read_rows`; it is read several times.
        encoder: of the model.
        negatives: largest number for each pair; some pairs may get fewer or none.
        guards: rules for negatives; default: a margin relative to the positive's score.
        split: of a BEIR folder.
        progress: called during encoding and mining.

    Raises:
        ConfigurationError: ``negatives`` is less than 1.
        ReaderError: the source can't be read.
        StorageFull: the temporary folder has too little space.

    Example:
        >>> pairs = folder.parent / "pairs.jsonl"
        >>> _ = pairs.write_text(
        ...     '{"query": "fast cat", "positive": "A cheetah is the fastest cat."}\n'
        ...     '{"query": "slow cat", "positive": "A cat that sleeps is slow."}\n'
        ... )
        >>> [mined.negatives for mined in mine(pairs, encoder)]
        [('A cat that sleeps is slow.',), ('A cheetah is the fastest cat.',)]
    """
    if as_integer("negatives", negatives, ConfigurationError) < 1:
        raise ConfigurationError(f"expected 1 negative or more, got {negatives}")
    report, place = progress or (lambda *_: None), Path(source).expanduser()
    answers = Answers(place, split)
    with TemporaryDirectory(prefix="postings-") as folder, EdgeIndex(folder) as index:
        index.ensure(encoder.fingerprint, encoder.name)
        done = 0
        for texts in batched(answers.stream_texts(), _TEXTS):
            vectors = encoder.encode_documents(texts)
            index.upsert([_point(text, encoder, vector) for text, vector in zip(texts, vectors, strict=True)])
            done += len(texts)
            report("encoding texts", done, answers.texts)
        done = 0
        for pairs in batched((row for _, row in read_rows(place, split)), _QUERIES):
            yield from _mine_batch(pairs, encoder, index, answers, guards or Guards(), negatives)
            done += len(pairs)
            report("mining", done, answers.pairs)


def _mine_batch(
    pairs: Sequence[Row], encoder: Encoder, index: Index, answers: Answers, guards: Guards, negatives: int
) -> Iterator[Mined]:
    using = encoder.fingerprint
    queries = encoder.encode_queries([pair.query for pair in pairs])
    ids = [_id(pair.positive) for pair in pairs]
    stored = {point.id: point.vectors[using] for point in index.retrieve(list(dict.fromkeys(ids)), vectors=[using])}
    requests = [
        SearchRequest(vector=query, using=using, limit=guards.depth + answers.known(pair.query), with_vector=True)
        for pair, query in zip(pairs, queries, strict=True)
    ]
    for pair, query, id, found in zip(pairs, queries, ids, index.search_batch(requests), strict=True):
        positive = query.dot(stored[id])
        # The engine may add the products in another order in each run, so the last digits of its scores can differ.
        ranked = sorted(((query.dot(point.vectors[using]), point.payload["text"]) for point in found), reverse=True)
        chosen = list(_allowed(pair, positive, ranked, answers, guards, negatives))
        yield Mined(pair, tuple(text for text, _ in chosen), (positive, *(score for _, score in chosen)))


def _allowed(
    pair: Row,
    positive: float,
    ranked: Sequence[tuple[float, str]],
    answers: Answers,
    guards: Guards,
    negatives: int,
) -> Iterator[tuple[str, float]]:
    alike = shingles(pair.positive)
    unknown = [(score, text) for score, text in ranked if not answers.answered_by(pair.query, text)]
    for score, text in unknown[guards.skip : guards.depth]:
        if negatives == 0:
            return
        if score <= guards.highest(positive) and resemblance(alike, shingles(text)) < TEXT_ALIKE:
            negatives -= 1
            yield text, score


def _point(text: str, encoder: Encoder, vector: SparseVector) -> Point:
    return Point(_id(text), {"text": text}, {encoder.fingerprint: vector})


def _id(text: str) -> str:
    return point_id(text_key(text), 0)
