"""The calls of other processes, as the process that has the index open answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from postings.errors import IndexRejected
from postings.index.embedded.collections import EmbeddedCollections
from postings.index.embedded.index import EdgeIndex
from postings.index.proxy.conversion import (
    info_to_json,
    points_from_json,
    points_to_json,
    request_from_json,
)
from postings.index.proxy.open_indexes import OpenIndexes
from postings.whole_files import Progress
from postings.words.config import WordsConfig

_Arguments: TypeAlias = Mapping[str, Any]


def answer(indexes: OpenIndexes, message: Mapping[str, Any], progress: Progress) -> Any:
    """Answer a call.

    Args:
        indexes: the collections.
        message: ``call`` and ``arguments``; a call of an index has a ``collection`` too.
        progress: called during calls that take long.

    Returns:
        The result, in JSON.

    Raises:
        PostingsError: the call failed.
    """
    name, arguments = message["call"], message["arguments"]
    if (of_index := _OF_INDEX.get(name)) is not None:
        return of_index(indexes.get(message["collection"]), arguments)
    if (of_folder := _OF_FOLDER.get(name)) is not None:
        return of_folder(indexes, arguments, progress)
    raise IndexRejected(f"the process that has the index open knows no call {name!r:.100}")


def _ensure(index: EdgeIndex, given: _Arguments) -> Any:
    return index.ensure(given["fingerprint"], given["model"], WordsConfig.from_json(given["words"])).to_json()


def _set_words(index: EdgeIndex, given: _Arguments) -> Any:
    words = WordsConfig.from_json(given["words"])
    if words is None:
        raise IndexRejected(f"expected how words are read, got {given['words']!r:.200}")
    return index.set_words(words).to_json()


def _search_batch(index: EdgeIndex, given: _Arguments) -> Any:
    return [
        points_to_json(hits) for hits in index.search_batch([request_from_json(each) for each in given["requests"]])
    ]


def _retrieve(index: EdgeIndex, given: _Arguments) -> Any:
    return points_to_json(index.retrieve(**given))


def _page(index: EdgeIndex, given: _Arguments) -> Any:
    points, following = index.page(**given)
    return [points_to_json(points), following]


_OF_INDEX: Mapping[str, Callable[[EdgeIndex, _Arguments], Any]] = {
    "open": lambda index, given: None,  # noqa: ARG005
    "ensure": _ensure,
    "info": lambda index, given: info_to_json(index.info()),  # noqa: ARG005
    "models": lambda index, given: index.models().to_json(),  # noqa: ARG005
    "add_model": lambda index, given: index.add_model(**given).to_json(),
    "switch_model": lambda index, given: index.switch_model(**given).to_json(),
    "drop_model": lambda index, given: index.drop_model(**given).to_json(),
    "set_words": _set_words,
    "upsert": lambda index, given: index.upsert(points_from_json(given), keep_newer=given["keep_newer"]),
    "update_vectors": lambda index, given: index.update_vectors(points_from_json(given), given["condition"]),
    "delete": lambda index, given: index.delete(**given),
    "search_batch": _search_batch,
    "retrieve": _retrieve,
    "page": _page,
    "count": lambda index, given: index.count(**given),
    "optimize": lambda index, given: index.optimize(),  # noqa: ARG005
}


def _snapshot(indexes: OpenIndexes, given: _Arguments, progress: Progress) -> None:
    indexes.get(given["name"]).snapshot(given["file"], progress)


def _drop(indexes: OpenIndexes, given: _Arguments, progress: Progress) -> None:  # noqa: ARG001
    EmbeddedCollections(indexes.root, indexes).drop(given["name"])


def _copy(indexes: OpenIndexes, given: _Arguments, progress: Progress) -> None:
    EmbeddedCollections(indexes.root, indexes).copy(given["source"], given["target"], progress)


def _restore(indexes: OpenIndexes, given: _Arguments, progress: Progress) -> None:
    collections = EmbeddedCollections(indexes.root, indexes)
    collections.restore(given["name"], Path(given["file"]), progress, replace=given["replace"])


_OF_FOLDER: Mapping[str, Callable[[OpenIndexes, _Arguments, Progress], Any]] = {
    "snapshot": _snapshot,
    "drop": _drop,
    "copy": _copy,
    "restore": _restore,
}
