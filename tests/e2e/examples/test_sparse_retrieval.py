"""The example runs, and its scores and tokens are those of sentence-transformers."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SparseEncoder

from postings import Document, Encoder, Settings, open_index
from postings.encoder.model_files.location import BUNDLED
from postings_ingest import Pipeline
from postings_query import Hit, SearchClient

pytestmark = [
    # torch says each of these once, in sentence-transformers' own arithmetic on sparse tensors.
    pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state:UserWarning"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled:UserWarning"),
]

EXAMPLE = Path(__file__).parents[2] / "examples" / "sparse_retrieval.py"
CONSTANTS = runpy.run_path(str(EXAMPLE))
SENTENCES: list[str] = CONSTANTS["SENTENCES"]
QUERIES: list[str] = CONSTANTS["QUERIES"]
BEST = ["A man is eating food.", "A monkey is playing drums.", "A cheetah is running behind its prey."]
TOLERANCE = 1e-3

LINE = re.compile(r"  +(?P<score>\d+\.\d{4})  (?P<text>[A-Z].*?\.) +(?P<tokens>\S+ \d+\.\d\d(, \S+ \d+\.\d\d){0,4})")


@pytest.fixture(scope="module")
def reference() -> SparseEncoder:
    return SparseEncoder(str(BUNDLED / "tiny"), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def client(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchClient]:
    with open_index(Settings(index_url=str(tmp_path_factory.mktemp("index")))) as index:
        Pipeline(encoder, index).run(Document(str(number), text) for number, text in enumerate(SENTENCES, 1))
        yield SearchClient(index=index, encoder=encoder)


def found(client: SearchClient, query: str, words: float | None = None) -> list[Hit]:
    return client.search(query, limit=len(SENTENCES), explain=True, words=words)


def test_the_example_prints_the_five_best_sentences_of_each_query_with_their_tokens(
    client: SearchClient, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTINGS_")}
    # In an empty folder, as in the user's: the example must not lean on what lies around it, nor leave anything.
    done = subprocess.run(
        [sys.executable, EXAMPLE], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
    blocks = done.stdout.strip().split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [f"Query: {query}" for query in QUERIES]
    for query, block in zip(QUERIES, blocks, strict=True):
        lines = [LINE.fullmatch(line) for line in block.splitlines()[1:]]
        assert len(lines) == 5
        for line, hit in zip(lines, found(client, query), strict=False):
            assert line is not None
            assert line["text"] == hit.text
            assert float(line["score"]) == pytest.approx(hit.score, abs=TOLERANCE)
            assert (
                line["tokens"].split(", ")[0] == f"{hit.contributions[0].token} {hit.contributions[0].contribution:.2f}"
            )


@pytest.mark.parametrize(("query", "best"), list(zip(QUERIES, BEST, strict=True)))
def test_the_best_sentence_is_the_one_that_means_the_same(client: SearchClient, query: str, best: str) -> None:
    assert found(client, query)[0].text == best


@pytest.mark.parametrize("query", QUERIES)
def test_scores_equal_those_of_sentence_transformers(
    client: SearchClient, reference: SparseEncoder, query: str
) -> None:
    similarities = reference.similarity(reference.encode_query(query), reference.encode_document(SENTENCES))[0]
    expected = dict(zip(SENTENCES, similarities.tolist(), strict=True))
    hits = found(client, query, words=0)
    assert {hit.text: hit.score for hit in hits} == pytest.approx(
        {text: score for text, score in expected.items() if score > 0}, abs=TOLERANCE
    )
    assert [hit.text for hit in hits] == sorted((hit.text for hit in hits), key=expected.__getitem__, reverse=True)


@pytest.mark.parametrize("query", QUERIES)
def test_contributions_equal_those_of_sentence_transformers(
    client: SearchClient, reference: SparseEncoder, query: str
) -> None:
    query_embedding = reference.encode_query(query)
    for hit in found(client, query, words=0):
        shared = reference.intersection(query_embedding, reference.encode_document(hit.text))
        decoded: Any = reference.decode(shared)
        expected = dict(decoded)
        contributions = {part.token: part.contribution for part in hit.contributions}
        assert contributions == pytest.approx(expected, abs=TOLERANCE)
        assert list(contributions.values()) == sorted(contributions.values(), reverse=True)
        assert sum(contributions.values()) == pytest.approx(hit.score, rel=1e-4)
