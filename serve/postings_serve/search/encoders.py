"""The encoders of the models that clients may name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from postings import Encoder
from postings.collection_models import load_model, settings_model
from postings.errors import CollectionNotFound, InvalidInput

if TYPE_CHECKING:
    from postings import Settings
    from postings_serve.search.indexes import Indexes

PREFIX = "postings/"
"""What may be in front of a model's name, so that a Qdrant server sends texts for it here."""


class Encoders:
    """The models of the service's collection, or that of its settings while there is no collection.

    A client can't have any other model loaded.

    Args:
        settings: the default collection, the model, and where to encode.
        indexes: where the collection is.
    """

    def __init__(self, settings: Settings, indexes: Indexes) -> None:
        self._settings = settings
        self._indexes = indexes
        self._lock = threading.Lock()
        self._loaded: dict[str, Encoder] = {}

    def get(self, model: str | None = None) -> Encoder:
        """The encoder of a model, by default of the one that is searched.

        Raises:
            InvalidInput: the collection has no such model.
        """
        name = None if model is None else model.removeprefix(PREFIX)
        with self._lock:
            try:
                models = self._indexes.index(self._settings.collection).models()
            except CollectionNotFound:
                if name not in (None, self._settings.model):
                    raise InvalidInput(f"there is no model {model!r:.100}: expected {self._settings.model!r}") from None
                if "" not in self._loaded:
                    self._loaded[""] = settings_model(self._settings)
                return self._loaded[""]
            # A dropped model's memory is freed, and so is that of the settings' model, which stood in for a collection.
            self._loaded = {each: encoder for each, encoder in self._loaded.items() if each in models.names}
            known = {each: fingerprint for fingerprint, each in models.names.items()}
            if name is not None and name not in known:
                raise InvalidInput(f"there is no model {model!r:.100}: expected one of {', '.join(map(repr, known))}")
            fingerprint = models.active if name is None else known[name]
            if fingerprint not in self._loaded:
                self._loaded[fingerprint] = load_model(models, fingerprint, self._settings)
            return self._loaded[fingerprint]
