"""What do exact words do to the quality of a search, and what do they cost?

    python -m benchmarks.words [--data DIR] [NAME …]

Each BEIR folder is ingested into the embedded engine. nDCG@10 of its test queries by the model alone, by the words
alone, by the weighted sum with several weights, and by the engine's RRF and DBSF; how many of the ten best passages of
a sum over *all* passages are found among the candidates (overlap@10); and the time of a search with and without words,
in turns. The same figures of quality with one vector a document, which is how ``benchmarks.tiny`` and
``postings evaluate`` measure a model. Then part numbers and error codes are put into documents, one into each, and
searched: how often the first hit is the document that has it. Writes ``benchmarks/results/words.md``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import random
import string
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

from benchmarks.beir import ingest
from benchmarks.data import BEIR, present
from postings import Document, EdgeIndex, Encoder
from postings.documents import Passage
from postings.index import SearchRequest
from postings.index.payload import passage_point
from postings.index.protocol import Fusion, WordQuery
from postings.index.ranking import EngineQuery
from postings.passages import passage_input
from postings.words import WORDS, Bm25, WordsConfig, word_input
from postings.words.config import DEFAULT_WEIGHT
from postings_ingest import Pipeline
from postings_query import SearchClient
from postings_training.data import JudgedQueries, load_beir, load_set
from postings_training.evaluation import evaluate

RESULT = Path(__file__).parent / "results" / "words.md"
SETS = ("cranfield", "medline", "nfcorpus", "scifact", "scitldr", "squad_dev", "wikiqa")
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
FUSIONS: tuple[Fusion, ...] = ("rrf", "dbsf")
LIMIT = 10
TIMED = 200
IDENTIFIERS, IDENTIFIERS_OF = 1500, "scifact"


Row = dict[str, float]
"""Figures of a set, by the title of their column."""


def passages(name: str, data: Path, encoder: Encoder) -> Row:
    """Documents in passages, as a collection stores them."""
    judged = load_beir(present(data / name))
    with TemporaryDirectory() as folder:
        ingest(data / name, folder)
        with EdgeIndex(folder) as index:
            client = SearchClient(index=index, encoder=encoder)
            row = by_weight(client, index, judged)
            row |= {fusion: quality(client, judged, fusion=fusion) for fusion in FUSIONS}
            queries = list(judged.queries.values())
            row["overlap@10"] = overlap(index, encoder, queries[:TIMED])
            row["ms without"], row["ms with"] = milliseconds(client, queries[:TIMED])
    return row


def documents(name: str, data: Path, encoder: Encoder) -> Row:
    """One vector a document, of the first window of it, and all of its words."""
    given = load_set(present(data / name))
    texts = [Document(id, text, title=title) for id, (title, text) in given.corpus.items() if text.strip()]
    inputs = [word_input(each.title, each.text) for each in texts]
    lengths = [counts.values.sum() for counts in Bm25(WordsConfig()).counts(inputs)]
    words = WordsConfig().measured(int(sum(lengths)), len(lengths))
    with TemporaryDirectory() as folder, EdgeIndex(folder) as index:
        index.ensure(encoder.fingerprint, encoder.name, words)
        encoded = encoder.encode_documents([passage_input(encoder, each.title, each.text)[0] for each in texts])
        index.upsert(
            passage_point(
                Passage(each.id, 0, 0, len(each.text), each.text, each.title, {}, version=1, passages=1),
                {encoder.fingerprint: meaning, WORDS: exact},
            )
            for each, meaning, exact in zip(texts, encoded, Bm25(words).encode_documents(inputs), strict=True)
        )
        return by_weight(SearchClient(index=index, encoder=encoder), index, given.judged)


def by_weight(client: SearchClient, index: EdgeIndex, judged: JudgedQueries) -> Row:
    row = {"model": quality(client, judged, words=0), "words": words_alone(index, judged)}
    return row | {f"{weight:g}": quality(client, judged, words=weight) for weight in WEIGHTS}


def quality(
    client: SearchClient, judged: JudgedQueries, *, words: float | None = None, fusion: Fusion = "sum"
) -> float:
    answers = client.search_batch(
        list(judged.queries.values()), limit=LIMIT, group_by_document=True, words=words, fusion=fusion
    )
    run = {id: {hit.id: hit.score for hit in hits} for id, hits in zip(judged.queries, answers, strict=True)}
    return evaluate(run, judged.judgements).ndcg_at_10


def words_alone(index: EdgeIndex, judged: JudgedQueries) -> float:
    bm25 = Bm25(index.models().words)  # type: ignore[arg-type]
    run = {}
    for id, text in judged.queries.items():
        found = index.search(SearchRequest(bm25.encode_query(text), WORDS, 5 * LIMIT))
        best: dict[str, float] = {}
        for point in found:
            best.setdefault(point.payload["doc_id"], point.score)
        run[id] = dict(itertools.islice(best.items(), LIMIT))
    return evaluate(run, judged.judgements).ndcg_at_10


def overlap(index: EdgeIndex, encoder: Encoder, queries: Sequence[str]) -> float:
    """How many of the ten best of all passages are found."""
    bm25, passages = Bm25(index.models().words), index.count()  # type: ignore[arg-type]
    shares = []
    for text, vector in zip(queries, encoder.encode_queries(queries), strict=True):
        words = WordQuery(bm25.encode_query(text), DEFAULT_WEIGHT)
        if not len(words.vector):
            continue
        found = index.search(SearchRequest(vector, encoder.fingerprint, LIMIT, words=words))
        every = EngineQuery(
            vector, encoder.fingerprint, LIMIT, words=words, candidates=passages, scored=2 * passages, fields=["doc_id"]
        )
        (best,) = index.nearest([every])
        shares.append(len({hit.id for hit in found} & {hit.id for hit in best}) / max(len(best), 1))
    return fmean(shares)


def milliseconds(client: SearchClient, queries: Sequence[str]) -> tuple[float, float]:
    """The median time of a search without and with words."""
    seconds: dict[float | None, list[float]] = {0: [], None: []}
    for query in queries:
        for words, taken in seconds.items():
            began = time.perf_counter()
            client.search(query, LIMIT, words=words)
            taken.append(time.perf_counter() - began)
    return 1000 * median(seconds[0]), 1000 * median(seconds[None])


def identifier(choose: random.Random) -> str:
    """A part number, a model number or an error code."""
    letters = "".join(choose.choices(string.ascii_uppercase, k=4))
    number = choose.randrange(1000, 10_000)
    return choose.choice(
        [f"{letters[:2]}-{number}", f"{number}-{letters}", f"{letters}{number}", f"ERR_{letters}_{number}"]
    )


def identifiers(data: Path, encoder: Encoder) -> dict[float, tuple[float, float]]:
    """By the words' weight: how often a document is the first hit for its identifier, alone and in a question."""
    choose = random.Random(0)
    texts = {}
    with (present(data / IDENTIFIERS_OF) / "corpus.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, itertools.islice(lines, IDENTIFIERS)):
            words = row["text"].split()
            place = choose.randrange(len(words))
            found = identifier(choose)
            texts[found] = " ".join([*words[:place], found, *words[place:]])
    with TemporaryDirectory() as folder, EdgeIndex(folder) as index:
        Pipeline(encoder, index).run(Document(found, text) for found, text in texts.items())
        client = SearchClient(index=index, encoder=encoder)

        def first(queries: Sequence[str], weight: float) -> float:
            answers = client.search_batch(queries, limit=1, words=weight)
            return fmean(bool(hits) and hits[0].id == found for found, hits in zip(texts, answers, strict=True))

        asked = [[*texts], [f"what does {found} mean" for found in texts]]
        return {weight: (first(asked[0], weight), first(asked[1], weight)) for weight in (0.0, *WEIGHTS)}


def identifiers_markdown(rows: dict[float, tuple[float, float]]) -> str:
    lines = ["| weight | the identifier alone | in a question |", "|---|---|---|"]
    lines += [f"| {weight:g} | {alone:.1%} | {asked:.1%} |" for weight, (alone, asked) in rows.items()]
    return "\n".join(lines)


def markdown(rows: dict[str, Row]) -> str:
    titles = list(next(iter(rows.values())))
    mean = {title: fmean(row[title] for row in rows.values()) for title in titles}
    lines = ["| set | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for name, row in [*rows.items(), ("mean", mean)]:
        cells = [f"{row[title]:.1f}" if title.startswith("ms") else f"{row[title]:.4f}" for title in titles]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=SETS, metavar="NAME")
    parser.add_argument("--data", type=Path, default=BEIR)
    options = parser.parse_args()
    encoder = Encoder.load("tiny")
    tables = []
    for measure in (passages, documents):
        rows = {}
        for name in options.names:
            rows[name] = measure(name, options.data, encoder)
            print(name, {title: round(value, 4) for title, value in rows[name].items()}, flush=True)
        tables.append(markdown(rows))
    found = identifiers_markdown(identifiers(options.data, encoder))
    print(*tables, found, sep="\n\n")
    engine = version("qdrant-edge-py")
    RESULT.write_text(
        f"# Exact words\n\n`python -m benchmarks.words`, model `tiny`, qdrant-edge-py {engine}, "
        f"{platform.machine()}.\n\nnDCG@10 by the model alone, the words alone (BM25), and their sum with a weight of "
        f"the words; {DEFAULT_WEIGHT:g} is the default of a new collection.\n\nDocuments in passages of the model's "
        f"window, as collections store them, each with the score of its best passage:\n\n{tables[0]}\n\n"
        "One vector a document, of its first window, and all of its words. This is how `benchmarks.tiny` and `postings "
        f"evaluate` measure a model:\n\n{tables[1]}\n\n"
        f"An identifier, such as a part number or an error code, put into each of {IDENTIFIERS:,} documents of "
        f"{IDENTIFIERS_OF}: how often the first hit for it is the document that has it, by the weight of the words.\n\n"
        f"{found}\n"
    )


if __name__ == "__main__":
    main()
