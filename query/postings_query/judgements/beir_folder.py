"""Judgements as a BEIR folder: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv``.

BEIR: Thakur et al. 2021, https://arxiv.org/abs/2104.08663
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from postings import Document
from postings.errors import InvalidInput
from postings.whole_files import whole_file

_DIGITS = 16
_SEPARATOR = re.compile(r"[\t\n\r]")


@dataclass(frozen=True, slots=True)
class Written:
    """What a folder holds, and what it couldn't.

    Attributes:
        documents: in the corpus.
        queries: by split.
        judgements: of all splits.
        absent: judgements of documents that the collection doesn't have.
        unwritable: ids of judged documents with a tab or a line end, which are what separates fields of qrels.
    """

    documents: int
    queries: Mapping[str, int]
    judgements: int
    absent: int
    unwritable: tuple[str, ...]


def write_beir_folder(
    folder: Path,
    documents: Iterable[Document],
    grades: Mapping[str, Mapping[str, int]],
    split: Callable[[str], str],
) -> Written:
    r"""Write all documents and all judgements of them, so that a model can be evaluated, mined with and trained.

    Args:
        folder: an empty folder.
        documents: of the collection; they are read once.
        grades: of documents, by query.
        split: which split the query of an id belongs to.

    Raises:
        InvalidInput: there is no judgement that can be written.
        OutputLost: a file can't be written.

    Example:
        >>> folder.mkdir()
        >>> documents = [Document("cheetah", "A cheetah is running behind its prey.")]
        >>> written = write_beir_folder(folder, documents, {"fast cat": {"cheetah": 1}}, lambda query_id: "test")
        >>> written.judgements, (folder / "qrels" / "test.tsv").read_text().splitlines()[1].split("\t")[1:]
        (1, ['cheetah', '1'])
    """
    if not grades:
        raise InvalidInput("nothing is judged: judge hits on the page, or import judgements")
    judged = {id for graded in grades.values() for id in graded}
    unwritable = {id for id in judged if _SEPARATOR.search(id)}
    count, present = 0, set[str]()
    with whole_file(folder / "corpus.jsonl") as file:
        for count, each in enumerate(documents, 1):  # noqa: B007 - used after the loop
            _line(file, _id=each.id, title=each.title, text=each.text, metadata=dict(each.metadata))
            if each.id in judged:
                present.add(each.id)
    written = present - unwritable
    splits: dict[str, dict[str, Mapping[str, int]]] = {}
    with whole_file(folder / "queries.jsonl") as file:
        for query, graded in grades.items():
            if kept := {id: grade for id, grade in graded.items() if id in written}:
                _line(file, _id=query_id(query), text=query)
                splits.setdefault(split(query_id(query)), {})[query_id(query)] = kept
    if not splits:
        raise InvalidInput("none of the judged documents is in the collection, with an id that can be written")
    (folder / "qrels").mkdir()
    for name, queries in splits.items():
        with whole_file(folder / "qrels" / f"{name}.tsv") as file:
            file.write(b"query-id\tcorpus-id\tscore\n")
            for id, graded in queries.items():
                file.writelines(f"{id}\t{document}\t{grade}\n".encode() for document, grade in graded.items())
    return Written(
        documents=count,
        queries={name: len(queries) for name, queries in splits.items()},
        judgements=sum(len(graded) for queries in splits.values() for graded in queries.values()),
        absent=sum(id not in present for graded in grades.values() for id in graded),
        unwritable=tuple(sorted(unwritable & present)),
    )


def query_id(query: str) -> str:
    """The id of a query: the beginning of the text's SHA-256, so that each export names it the same.

    Example:
        >>> query_id("chasing prey")
        '1877c13eaaecd446'
    """
    return hashlib.sha256(query.encode()).hexdigest()[:_DIGITS]


def part_of(query_id: str) -> float:
    """A number from 0 up to 1 that a query always has, by which queries are divided among splits.

    Example:
        >>> part_of("8000000000000000")
        0.5
    """
    return int(query_id[:8], 16) / 0x1_0000_0000


def _line(file: IO[bytes], **fields: object) -> None:
    file.write(json.dumps(fields, ensure_ascii=False).encode() + b"\n")
