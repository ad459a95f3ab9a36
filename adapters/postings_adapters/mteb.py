"""MTEB: a model or a collection, measured by ``mteb.evaluate`` on its retrieval tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from postings import Encoder
from postings.errors import InvalidInput, MissingExtra
from postings.hub import is_hub_id
from postings.passages import passage_input
from postings_adapters.clients import Client, best_documents
from postings_training.data.trec import untied
from postings_training.evaluation import ExactSearch

try:
    from mteb.models import ModelMeta
except ImportError as error:
    raise MissingExtra("mteb", "postings_adapters.mteb") from error


class PostingsModel:
    """Encodes each task's corpus and searches it exactly, as ``postings evaluate`` does; its revision is a fingerprint.

    Raises:
        InvalidInput: documents or queries aren't texts.

    Example::

        mteb.evaluate(PostingsModel(Encoder.load("tiny")), mteb.get_tasks(["NFCorpus"]))
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.mteb_model_meta = _meta(encoder.name, encoder.fingerprint)

    def index(self, corpus: Any, **_: Any) -> None:
        """Encode a corpus."""
        texts = [passage_input(self.encoder, row.get("title") or "", _text(row))[0] for row in corpus]
        self._corpus, self._size = ExactSearch(corpus["id"], self.encoder.encode_documents(texts)), len(texts)

    def search(self, queries: Any, *, top_k: int, top_ranked: Any = None, **_: Any) -> dict[str, dict[str, float]]:
        """Find the best documents; of a reranking task, score those that it names."""
        vectors = self.encoder.encode_queries(list(map(_text, queries)))
        found = {}
        for id, vector in zip(queries["id"], vectors, strict=True):
            scores = self._corpus(vector, top_k if top_ranked is None else self._size)
            found[id] = untied(scores if top_ranked is None else {each: scores.get(each, 0) for each in top_ranked[id]})
        return found


class PostingsCollection:
    """Searches a collection that holds a task's corpus; each object has a revision of its own, as collections change.

    Args:
        client: any search client that waits.
        name: of the results.
        **options: of :meth:`postings_query.SearchClient.search`; ``postings evaluate --collection`` has ``words=0``.

    Raises:
        InvalidInput: nothing that was found is in the task's corpus, or the task reranks documents that it names.
        PostingsError: as :meth:`postings_query.SearchClient.search`.

    Example::

        mteb.evaluate(PostingsCollection(SearchClient("nfcorpus"), "nfcorpus"), mteb.get_tasks(["NFCorpus"]))
    """

    def __init__(self, client: Client, name: str, **options: Any) -> None:
        self.mteb_model_meta = _meta(name, f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        self._client, self._options = client, options

    def index(self, corpus: Any, **_: Any) -> None:
        """Note the ids: the collection was indexed before."""
        self._ids = frozenset(corpus["id"])

    def search(self, queries: Any, *, top_k: int, top_ranked: Any = None, **_: Any) -> dict[str, dict[str, float]]:
        """Find the best documents."""
        if top_ranked is not None:
            raise InvalidInput("a collection is searched as a whole: measure tasks that rerank with PostingsModel")
        found: dict[str, dict[str, float]] = {id: {} for id in queries["id"]}
        for place, hits in best_documents(self._client, list(map(_text, queries)), top_k, **self._options):
            found[queries["id"][place]] = untied({hit.id: hit.score for hit in hits})
        ids = {id for best in found.values() for id in best}
        if ids and ids.isdisjoint(self._ids):
            raise InvalidInput(f"nothing that was found is among the {len(self._ids):,} documents: ingest them first")
        return found


def _text(row: Any) -> str:
    if not isinstance(row.get("text"), str):
        raise InvalidInput(f"expected texts, got {', '.join(row)} for {row['id']!r}")
    return " ".join(filter(None, (row["text"], row.get("instruction"))))


def _meta(name: str, revision: str) -> ModelMeta:
    full = name if is_hub_id(name) else f"postings/{Path(name).name}"
    return ModelMeta.create_empty({"name": full, "revision": revision, "model_type": ["sparse"]})
