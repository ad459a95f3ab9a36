"""Long strings in metadata: a document's head stores them whole, its other passages only their beginning.

Otherwise, a page of HTML would be stored once for each passage of its document. Conditions on short values are
evaluated on every passage. A condition that depends on more than the first 256 characters is evaluated on the heads,
and then replaced by the ids of the documents found: see :func:`conditions_for_heads` and :func:`decided`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from postings.errors import InvalidFilter
from postings.index.filter_grammar import LISTS
from postings.index.payload import HEADS, DocumentKey, of_keys
from postings.index.protocol import Filter

BEGINNING = 256
"""Characters of a long string that every passage stores."""

_WORTHWHILE = 4096
"""Characters that shortening must save in each passage, to be worth reading heads at search."""

_ANYWHERE = {"text", "text_any", "phrase", "substring"}
_DOCUMENT_FIELDS = {"doc_id", "version", "passages", "title"}
_TOP_KEY = re.compile(r'(?:metadata|"metadata")\.(?:"([^"]*)"|([^.\[]+))')


def shortened(metadata: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Shorten the metadata for passages other than the head; also return the keys whose values were shortened.

    Example:
        >>> short, at_head = shortened({"lang": "en", "html": "<p>guitar</p>" * 1000})
        >>> short["lang"], len(short["html"]), at_head
        ('en', 256, ['html'])
        >>> shortened({"lang": "en", "about": "guitars " * 50})[1]
        []
    """
    short = {key: _beginnings(value) for key, value in metadata.items()}
    if _characters(metadata) - _characters(short) < _WORTHWHILE:
        return metadata, []
    return short, [key for key, value in metadata.items() if short[key] != value]


def completed(metadata: Mapping[str, Any], at_head: Iterable[str], head: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace the shortened values of a passage's metadata by those of its head.

    Example:
        >>> completed({"lang": "en", "html": "<p>"}, ["html"], {"lang": "en", "html": "<p>guitar</p>"})["html"]
        '<p>guitar</p>'
    """
    return {**metadata, **{key: head[key] for key in at_head if key in head}}


@dataclass(frozen=True, slots=True)
class HeadCondition:
    """A condition that only heads can decide for documents with long strings under a key of their metadata.

    Attributes:
        key: of the metadata.
        condition: in JSON form.
        others: other conditions of the filter on the document, so that fewer heads are searched.
    """

    key: str
    condition: Filter
    others: Sequence[Filter] = ()

    def heads(self, documents: Iterable[DocumentKey] | None = None) -> Filter:
        """The heads with long strings under the key that meet the condition, of all documents or of these."""
        among = [] if documents is None else [of_keys(documents)]
        return {"must": [HEADS, self._long, *self.others, self.condition, *among]}

    def decided(self, documents: Collection[DocumentKey]) -> Filter:
        """The same condition for every passage, given the documents of those heads."""
        on_passage = {"must": [self.condition], "must_not": [self._long]}
        return {"should": [on_passage, of_keys(documents)]} if documents else on_passage

    @property
    def _long(self) -> Filter:
        return {"key": "at_head", "match": {"value": self.key}}


def conditions_for_heads(filter: Filter) -> list[HeadCondition]:
    """The conditions of a filter in JSON form that must be evaluated on heads; most filters have none.

    Example:
        >>> filter = {"must": [{"key": "metadata.html", "match": {"text": "guitar"}}]}
        >>> [condition] = conditions_for_heads(filter)
        >>> condition.key
        'html'
        >>> conditions_for_heads({"must": [{"key": "metadata.lang", "match": {"value": "en"}}]})
        []
    """
    found: list[HeadCondition] = []

    def collect(condition: Any) -> Any:
        if needed := _for_heads(condition):
            found.append(needed)
        return condition

    _changed(filter, collect)
    if not found:
        return found
    must = filter.get("must", [])
    others = [each for each in (must if isinstance(must, list) else [must]) if _is_on_document(each)]
    return [replace(each, others=others) for each in found]


def for_every_point(filter: Filter) -> Filter:
    """Return the filter if it can be evaluated on every point.

    Raises:
        InvalidFilter: a condition can only be evaluated on heads.
    """
    if conditions := conditions_for_heads(filter):
        raise InvalidFilter(
            f"long strings in 'metadata.{conditions[0].key}' are whole in a document's first passage only: "
            "select the documents by 'doc_id' instead"
        )
    return filter


def decided(filter: Filter, documents: Iterable[Collection[DocumentKey]]) -> Filter:
    """Replace the conditions of :func:`conditions_for_heads` in a filter.

    Args:
        filter: in JSON form.
        documents: for each of these conditions, in order, the documents whose heads meet it.
    """
    answers = iter(documents)

    def decide(condition: Any) -> Any:
        needed = _for_heads(condition)
        return needed.decided(next(answers)) if needed else condition

    changed: Filter = _changed(filter, decide)
    return changed


def _changed(filter: Filter, change: Callable[[Any], Any]) -> Filter:
    """Change each condition of a filter that isn't a filter itself; anything malformed stays as it is."""
    clauses = dict(filter)
    for name in clauses.keys() & set(LISTS):
        clauses[name] = _all_changed(clauses[name], change)
    least = clauses.get("min_should")
    if isinstance(least, Mapping) and "conditions" in least:
        clauses["min_should"] = {**least, "conditions": _all_changed(least["conditions"], change)}
    return clauses


def _all_changed(conditions: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(conditions, list):
        return [_all_changed(each, change) for each in conditions]
    if isinstance(conditions, Mapping) and conditions.keys() & {*LISTS, "min_should"}:
        return _changed(conditions, change)
    return change(conditions)


def _for_heads(condition: Any) -> HeadCondition | None:
    path = _TOP_KEY.match(_key(condition))
    if path is None or not _needs_whole(condition):
        return None
    return HeadCondition(path[1] if path[1] is not None else path[2], condition)


def _is_on_document(condition: Any) -> bool:
    """Whether a condition holds for all passages of a document or for none."""
    key = _key(condition)
    return (key in _DOCUMENT_FIELDS or _TOP_KEY.match(key) is not None) and not _needs_whole(condition)


def _key(condition: Any) -> str:
    if not isinstance(condition, Mapping):
        return ""
    inner = next((condition[name] for name in ("nested", "is_empty", "is_null") if name in condition), condition)
    key = inner.get("key") if isinstance(inner, Mapping) else None
    return key if isinstance(key, str) else ""


def _needs_whole(data: Any) -> bool:
    """Whether a condition needs the whole of a long string."""
    if isinstance(data, Mapping):
        match = data.get("match")
        if isinstance(match, Mapping) and (_searches(match) or _longest(match) >= BEGINNING):
            return True
        return any(map(_needs_whole, data.values()))
    return isinstance(data, list) and any(map(_needs_whole, data))


def _searches(match: Mapping[str, Any]) -> bool:
    """Whether a match searches the whole string; engines report malformed ones."""
    return any(isinstance(match.get(name), str) for name in _ANYWHERE)


def _beginnings(value: Any) -> Any:
    match value:
        case str():
            return value[:BEGINNING]
        case Mapping():
            return {key: _beginnings(each) for key, each in value.items()}
        case list():
            return [_beginnings(each) for each in value]
        case _:
            return value


def _strings(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _strings(each)
        case list():
            for each in value:
                yield from _strings(each)


def _characters(value: Any) -> int:
    return sum(map(len, _strings(value)))


def _longest(value: Any) -> int:
    return max(map(len, _strings(value)), default=0)
