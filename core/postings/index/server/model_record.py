"""How the models of a collection are recorded on a server.

The collection's named vectors tell which models it has: they are created and deleted at once, whoever else writes. The
metadata hold the models' names, and which of them is searched. A server replaces a key of the metadata as a whole, so
what two processes may write at once has a key of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qdrant_client import models as q

from postings.errors import IndexRejected
from postings.index.models import CollectionModels, check_model
from postings.words.config import WORDS, WordsConfig

_RECORD = "postings"
_NAME = "postings_model_"
_WORDS = "postings_words"
_FORGOTTEN = "postings_forgotten"


def record_of(models: CollectionModels) -> dict[str, Any]:
    """The metadata that say which model is searched, and which was before."""
    return {_RECORD: replace(models, words=None).to_json()}


def switched_record(models: CollectionModels) -> dict[str, Any]:
    """The same after a switch, whose previous model is there, even if it was dropped at another time."""
    return {**record_of(models), _FORGOTTEN: ""}


def forgotten_record(fingerprint: str) -> dict[str, Any]:
    """The metadata that say that the previous model was dropped: it isn't the previous one when it is added again."""
    return {_FORGOTTEN: fingerprint}


def words_record(words: WordsConfig) -> dict[str, Any]:
    """The metadata that say how words are read."""
    return {_WORDS: words.to_json()}


def name_record(fingerprint: str, name: str) -> dict[str, Any]:
    """The metadata that name another model.

    Raises:
        InvalidInput: these aren't strings.
    """
    check_model(fingerprint, name)
    return {f"{_NAME}{fingerprint}": name}


def is_recorded(found: q.CollectionInfo) -> bool:
    """Whether Postings created a collection."""
    return _RECORD in (found.config.metadata or {})


def models_of(found: q.CollectionInfo, source: str) -> CollectionModels:
    """Read the models of a collection; ``source`` names it in messages.

    Raises:
        IndexRejected: Postings didn't create the collection.
        IndexCorrupt: the record is malformed, or was written by a newer version.
    """
    metadata = found.config.metadata or {}
    if not is_recorded(found):
        raise IndexRejected(
            f"{source} wasn't created by Postings: its metadata has no model; use another collection name"
        )
    models = CollectionModels.from_json(metadata[_RECORD], source)
    added = {key.removeprefix(_NAME): name for key, name in metadata.items() if key.startswith(_NAME)}
    vectors = found.config.params.sparse_vectors or {}
    names = {each: name for each, name in {**models.names, **added}.items() if each in vectors or each == models.active}
    words = WordsConfig.from_json(metadata.get(_WORDS)) if WORDS in vectors else None
    there = names.keys() - {metadata.get(_FORGOTTEN)}
    return replace(models, names=names, previous=models.previous if models.previous in there else None, words=words)
