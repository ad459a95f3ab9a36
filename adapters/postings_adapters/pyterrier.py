"""PyTerrier: a retriever for pipelines and experiments, and an indexer. Neither needs Java."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from postings import Document
from postings.errors import InvalidDocument, InvalidInput, MissingExtra
from postings_adapters.clients import Client, best_documents
from postings_ingest import Pipeline, Report
from postings_training.data.trec import untied

try:
    import pandas as pd
    import pyterrier as pt
except ImportError as error:
    raise MissingExtra("pyterrier", "postings_adapters.pyterrier") from error

log = logging.getLogger(__name__)

_TYPES = {"docno": "str", "title": "str", "text": "str", "score": "float64", "rank": "int64"}


class PostingsRetriever(pt.Transformer):
    """Finds documents for queries with a search client; ``text`` is a document's best passage.

    Equal scores differ by a step of float32, so that all measures rank documents as the search does.

    Args:
        client: any search client that waits.
        num_results: the maximum number of documents for each query.
        **options: options of :meth:`postings_query.SearchClient.search`, such as ``words``.

    Raises:
        PostingsError: as :meth:`postings_query.SearchClient.search`.

    Example::

        splade = PostingsRetriever(SearchClient("articles"))
        pt.Experiment([splade, splade >> reranker], topics, qrels, ["ndcg_cut_10"])
    """

    def __init__(self, client: Client, num_results: int = 1000, **options: Any) -> None:
        self.client, self.num_results, self.options = client, num_results, options

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Search for each row's ``query``; the queries' columns stay."""
        pt.validate.query_frame(inp, extra_columns=["query"], context=self)
        kept = inp.drop(columns=list(_TYPES), errors="ignore")
        asked = kept.to_dict(orient="records")
        rows = []
        for number, hits in best_documents(
            self.client, [row["query"] for row in asked], self.num_results, **self.options
        ):
            best = {hit.id: hit for hit in hits}
            for rank, (id, score) in enumerate(untied({id: hit.score for id, hit in best.items()}).items()):
                found = {"docno": id, "title": best[id].title, "text": best[id].text, "score": score, "rank": rank}
                rows.append(asked[number] | found)
        return pd.DataFrame(rows, columns=[*kept, *_TYPES]).astype({**kept.dtypes, **_TYPES})


class PostingsIndexer(pt.Indexer):
    """Indexes documents with ``docno``, ``text`` and perhaps ``title``; other fields are ignored.

    Args:
        pipeline: into the collection.

    Raises:
        InvalidInput: a document has no ``docno`` or no ``text``.
        PostingsError: as :meth:`postings_ingest.Pipeline.run`.

    Example::

        with open_index(Settings()) as index:
            PostingsIndexer(Pipeline(Encoder.load("tiny"), index)).index(dataset.get_corpus_iter())
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def index_inputs(self) -> list[list[str]]:
        """The columns that a document needs."""
        return [["docno", "text"]]

    def index(self, iter: Iterable[Mapping[str, Any]], **_: Any) -> Report:
        """Index documents, and say what became of them; those that break a rule of ``Document`` are logged."""
        return self.pipeline.run(_documents(iter))


def _documents(rows: Iterable[Mapping[str, Any]]) -> Iterator[Document]:
    for row in rows:
        try:
            yield Document(row["docno"], row["text"], row.get("title") or "")
        except KeyError as error:
            raise InvalidInput(f"expected documents with docno and text, got one without {error}") from error
        except InvalidDocument as error:
            log.warning("document %r is left out: %s", row["docno"], error)
