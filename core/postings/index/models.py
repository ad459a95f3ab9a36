"""The models of a collection, and which of them is searched.

Each model has a named sparse vector in the collection, whose name is the model's fingerprint. They are recorded in the
collection's metadata, so that a client knows before its first search whether it has the right model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from postings.errors import ConfigurationError, IndexCorrupt, InvalidInput, ModelMismatch
from postings.words.config import WORDS, WordsConfig

_SCHEMA = 1
_SHOWN = 8  # characters of a fingerprint


@dataclass(frozen=True, slots=True)
class CollectionModels:
    """The models of a collection.

    Attributes:
        active: the fingerprint of the model that is searched.
        names: the models' names by fingerprint. :meth:`postings.Encoder.load` takes such a name.
        previous: the fingerprint of the model that was searched before the last switch; ``None`` if there was none, or
            it was dropped.
        words: how its words are read and weighted; ``None`` if it has no words' vectors.

    Example:
        >>> models = CollectionModels.of("0123abcd", "tiny").with_model("4567cdef", "models/new")
        >>> switched = models.switched("4567cdef")
        >>> switched.active_name, switched.previous
        ('models/new', '0123abcd')
    """

    active: str
    names: Mapping[str, str] = field(hash=False)
    previous: str | None = None
    words: WordsConfig | None = None

    @classmethod
    def of(cls, fingerprint: str, name: str) -> CollectionModels:
        """The models of a new collection: just this one."""
        check_model(fingerprint, name)
        return cls(fingerprint, {fingerprint: name})

    @property
    def active_name(self) -> str:
        """The name of the searched model."""
        return self.names[self.active]

    @property
    def vectors(self) -> list[str]:
        """The names of all vectors that a passage has: those of the models, and of the words."""
        return [*self.names, *([WORDS] if self.words else [])]

    @property
    def others(self) -> list[str]:
        """The fingerprints of the models that aren't searched."""
        return [fingerprint for fingerprint in self.names if fingerprint != self.active]

    def require(self, fingerprint: str, name: str, collection: str) -> None:
        """Raise :class:`ModelMismatch` unless the collection has vectors of this model."""
        if fingerprint not in self.names:
            raise ModelMismatch(
                f"collection {collection!r} holds vectors of model {self._listed()}, not of {name!r} "
                f"({fingerprint!s:.{_SHOWN}}): load that model, ingest into another collection, or add this model with "
                "'postings reindex'"
            )

    def find(self, model: str, collection: str) -> str:
        """The fingerprint of a model that is given by its name, its folder, or the beginning of its fingerprint.

        The folder's path may be relative, or just the end of the path by which the collection knows it.

        Raises:
            ModelMismatch: the collection has no such model, or several.

        Example:
            >>> CollectionModels.of("0123abcd", "/srv/models/new").find("models/new/", "articles")
            '0123abcd'
        """
        # No path has a null byte, which realpath refuses.
        folder, end = "" if "\0" in model else os.path.realpath(model), PurePath(model).parts
        found = [each for each, name in self.names.items() if model in (name, each)]
        found = found or [each for each, name in self.names.items() if name == folder]
        found = found or [each for each, name in self.names.items() if end and PurePath(name).parts[-len(end) :] == end]
        found = found or [each for each in self.names if model and each.startswith(model)]
        if len(found) != 1:
            problem = "several models are" if found else "no model is"
            add = "" if found else ": 'postings reindex --model' adds one"
            raise ModelMismatch(f"collection {collection!r}: {problem} called {model!r}; it has {self._listed()}{add}")
        return found[0]

    def check_droppable(self, fingerprint: str, collection: str) -> None:
        """Raise :class:`ConfigurationError` if this is the model that is searched."""
        if fingerprint == self.active:
            raise ConfigurationError(
                f"collection {collection!r}: model {self.active_name!r} is active: switch to another model first"
            )

    def with_model(self, fingerprint: str, name: str) -> CollectionModels:
        """With another model, which isn't searched yet."""
        check_model(fingerprint, name)
        return replace(self, names={**self.names, fingerprint: name})

    def without(self, fingerprint: str) -> CollectionModels:
        """Without a model that isn't searched."""
        names = {each: name for each, name in self.names.items() if each != fingerprint}
        return replace(self, names=names, previous=None if self.previous == fingerprint else self.previous)

    def switched(self, fingerprint: str) -> CollectionModels:
        """With another model searched; the one that was searched is the previous one."""
        if fingerprint == self.active:
            return self
        return replace(self, active=fingerprint, previous=self.active)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON; :meth:`from_json` reads it back."""
        record: dict[str, Any] = {"schema": _SCHEMA, "active": self.active, "models": dict(self.names)}
        if self.previous is not None:
            record["previous"] = self.previous
        if self.words is not None:
            record["words"] = self.words.to_json()
        return record

    @classmethod
    def from_json(cls, data: object, source: str) -> CollectionModels:
        """Read what :meth:`to_json` wrote; ``source`` names it in messages.

        Raises:
            IndexCorrupt: ``data`` is malformed, or was written by a newer version.
        """
        match data:
            case {"schema": int(schema)} if schema > _SCHEMA:
                raise IndexCorrupt(f"{source} was written by a newer version of postings (schema {schema} > {_SCHEMA})")
            case {"schema": int(), "active": str(active), "models": dict(names), **rest} if active in names and all(
                isinstance(text, str) for pair in names.items() for text in pair
            ):
                previous = rest.get("previous")
                previous = previous if isinstance(previous, str) and previous in names else None
                return cls(active, names, previous, WordsConfig.from_json(rest.get("words")))
        raise IndexCorrupt(f"{source} doesn't say which model the collection was built with: got {data!r:.200}")

    def _listed(self) -> str:
        return ", ".join(f"{name!r} ({fingerprint[:_SHOWN]})" for fingerprint, name in self.names.items())


def check_model(fingerprint: object, name: object) -> None:
    """Raise :class:`InvalidInput` unless these can be recorded as a model; what else is written can't be read again."""
    for what, value in (("fingerprint", fingerprint), ("name", name)):
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"the {what} of a model must be a string, got {value!r:.100}")
