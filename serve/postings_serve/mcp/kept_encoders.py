"""Encoders that stay loaded between calls."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from postings import Encoder
from postings.collection_models import load_model, names_model, settings_model
from postings.errors import CollectionNotFound

if TYPE_CHECKING:
    from postings import Index, Settings


class KeptEncoders:
    """The encoders of the models that were used.

    Args:
        settings: the model, if they name one, and where to encode.

    Example:
        >>> KeptEncoders(Settings()).of(index).name
        'tiny'
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._kept: dict[str, Encoder] = {}

    def of(self, index: Index, model: str | None = None) -> Encoder:
        """The encoder of a model of a collection.

        Args:
            index: the collection; one that doesn't exist yet gets the settings' model.
            model: the model's name, or the beginning of its fingerprint; by default that of the settings, or the one
                that the collection searches.

        Raises:
            ModelMismatch: the collection has no such model, or several.
            ModelNotFound: there is no such model on this machine.
        """
        try:
            models = index.models()
        except CollectionNotFound:
            return self._named()
        if model is None and names_model(self._settings):
            encoder = self._named()
            models.require(encoder.fingerprint, encoder.name, index.collection)
            return encoder
        fingerprint = models.active if model is None else models.find(model, index.collection)
        encoder = load_model(models, fingerprint, self._settings)
        with self._lock:
            self._kept[f"{encoder.name} {fingerprint}"] = encoder
        return encoder

    def _named(self) -> Encoder:
        with self._lock:
            if "" not in self._kept:
                self._kept[""] = settings_model(self._settings)
            return self._kept[""]
