"""The encoders of all models of a collection, for writers."""

from __future__ import annotations

import threading

from postings import Encoder, Settings
from postings.collection_models import load_model
from postings.index.models import CollectionModels


class Encoders:
    """Loads the encoders of a collection's models when they are first needed.

    Args:
        encoder: one that is loaded already.
        settings: where to encode, and in which precision.
    """

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._loaded = {encoder.fingerprint: encoder}

    def of(self, models: CollectionModels) -> dict[str, Encoder]:
        """The encoders of a collection's models by fingerprint, that of the active model first.

        Raises:
            ModelNotFound: a model isn't on this machine.
            ModelMismatch: the name of a model is now that of another.
        """
        with self._lock:
            # A dropped model's memory is freed.
            self._loaded = {each: encoder for each, encoder in self._loaded.items() if each in models.names}
            for fingerprint in models.names:
                if fingerprint not in self._loaded:
                    self._loaded[fingerprint] = load_model(models, fingerprint, self._settings)
            return {each: self._loaded[each] for each in (models.active, *models.others)}

    def loaded(self) -> list[Encoder]:
        """All that are loaded."""
        return list(self._loaded.values())
