"""The models of a collection, and which of them is searched.

They are stored in the collection's metadata, so that a client knows before its first search whether it has the right
model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from postings.errors import IndexCorrupt, ModelMismatch

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class CollectionModels:
    """The models of a collection: ``names`` by fingerprint, one of which is ``active``.

    A fingerprint is also the name of the model's sparse vector in the collection.
    """

    active: str
    names: Mapping[str, str] = field(hash=False)

    @classmethod
    def of(cls, fingerprint: str, name: str) -> CollectionModels:
        """The models of a new collection: just this one."""
        return cls(fingerprint, {fingerprint: name})

    @property
    def active_name(self) -> str:
        """The name of the searched model."""
        return self.names[self.active]

    def require(self, fingerprint: str, name: str, collection: str) -> None:
        """Raise :class:`ModelMismatch` unless the collection has vectors of this model."""
        if fingerprint not in self.names:
            held = ", ".join(f"{n!r} ({f[:8]})" for f, n in self.names.items())
            raise ModelMismatch(
                f"collection {collection!r} holds vectors of model {held}, not of {name!r} ({fingerprint[:8]}): "
                "load that model, or ingest into another collection"
            )

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON; :meth:`from_json` reads it back."""
        return {"schema": _SCHEMA, "active": self.active, "models": dict(self.names)}

    @classmethod
    def from_json(cls, data: object, source: str) -> CollectionModels:
        """Read what :meth:`to_json` wrote; ``source`` names it in messages.

        Raises:
            IndexCorrupt: ``data`` is malformed, or was written by a newer version.
        """
        match data:
            case {"schema": int(schema)} if schema > _SCHEMA:
                raise IndexCorrupt(f"{source} was written by a newer version of postings (schema {schema} > {_SCHEMA})")
            case {"schema": int(), "active": str(active), "models": dict(names)} if active in names and all(
                isinstance(text, str) for pair in names.items() for text in pair
            ):
                return cls(active, names)
        raise IndexCorrupt(f"{source} doesn't say which model the collection was built with: got {data!r:.200}")
