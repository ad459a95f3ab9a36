"""Collections and their models."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field

from postings import Index
from postings.index.collection_size import collection_size
from postings.index.tenant_index import words_shown
from postings_serve.schemas.common import Body, Text


class ModelState(Body):
    """A model of a collection."""

    name: str
    fingerprint: str = Field(description="The name of its vectors")
    state: Literal["active", "previous", "ready", "building"]
    passages: int = Field(description="Passages of the collection")
    lacking: int = Field(description="Passages without a vector of this model")


class Models(Body):
    """The models of a collection."""

    collection: str
    models: list[ModelState]


class Collection(Body):
    """A collection, and what it holds."""

    collection: str
    documents: int
    passages: int
    tombstones: int = Field(description="Deleted documents whose versions are still kept")
    approximate: bool
    model: str = Field(description="The model that is searched")
    fingerprint: str
    words: dict[str, Any] | None = Field(description="How exact words are read and weighted; null without them")

    @classmethod
    def of(cls, index: Index) -> Collection:
        """What an index holds.

        Raises:
            CollectionNotFound: the collection doesn't exist.
        """
        models = index.models()
        return cls(
            collection=index.collection,
            **asdict(collection_size(index)),
            model=models.active_name,
            fingerprint=models.active,
            words=words_shown(index),
        )


class CollectionNames(Body):
    """The names of the collections."""

    collections: list[str]


class SwitchBody(Body):
    """The model to search from now on."""

    model: Text = Field(
        min_length=1, description="Its name, its folder, or the beginning of its fingerprint", examples=["tiny"]
    )
    allow_missing: bool = Field(
        default=False, description="Switch even if passages lack vectors: searches don't find these then"
    )


class Switched(Body):
    """The models of a collection after a switch."""

    collection: str
    active: str = Field(description="Fingerprint of the model that is searched")
    previous: str | None = Field(description="Fingerprint of the model before, which a rollback searches again")
    models: dict[str, str] = Field(description="Names by fingerprint")
