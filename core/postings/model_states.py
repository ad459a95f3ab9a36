"""The models of a collection, how many of its passages have the vectors of each, and which of them is searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from postings.errors import SwitchRefused
from postings.index.collection_size import count_matching
from postings.index.models import CollectionModels
from postings.index.payload import PASSAGES, without_vector
from postings.index.protocol import Index


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model of a collection.

    Attributes:
        name: the model's name.
        fingerprint: the name of its vectors.
        state: ``active``: it is searched; ``previous``: it was searched before; ``ready``: all passages have its
            vectors; ``building``: some lack them.
        passages: passages of the collection.
        lacking: passages without a vector of this model.
    """

    name: str
    fingerprint: str
    state: Literal["active", "previous", "ready", "building"]
    passages: int
    lacking: int


def model_states(index: Index) -> list[ModelState]:
    """All models of a collection.

    Raises:
        CollectionNotFound: the collection doesn't exist.

    Example:
        >>> [(each.name, each.state) for each in model_states(index)]
        [('tiny', 'active')]
    """
    models = index.models()
    passages = count_matching(index, PASSAGES)
    found = []
    for fingerprint, name in models.names.items():
        lacking = count_matching(index, without_vector(fingerprint))
        found.append(ModelState(name, fingerprint, _state(models, fingerprint, lacking), passages, lacking))
    return found


def check_complete(index: Index, models: CollectionModels, fingerprint: str) -> None:
    """Check that all passages have vectors of a model.

    Raises:
        SwitchRefused: some lack them, so that searches wouldn't find these.
    """
    if lacking := count_matching(index, without_vector(fingerprint)):
        name = models.names[fingerprint]
        raise SwitchRefused(
            f"{lacking:,} passages have no vector of {name!r}: run `postings reindex --model {name}`, or pass "
            "--allow-missing"
        )


def roll_back(index: Index) -> CollectionModels:
    """Search the previous model again.

    Raises:
        SwitchRefused: there is none.
    """
    models = index.models()
    if models.previous is None:
        raise SwitchRefused(
            f"collection {index.collection!r} has no previous model: it was never switched, or that model was dropped"
        )
    return index.switch_model(models.previous)


def _state(
    models: CollectionModels, fingerprint: str, lacking: int
) -> Literal["active", "previous", "ready", "building"]:
    if fingerprint == models.active:
        return "active"
    if lacking:
        return "building"
    return "previous" if fingerprint == models.previous else "ready"
