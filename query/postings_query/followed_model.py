"""The encoder of the model that a collection searches, also after a switch to another model."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from postings import Encoder
from postings.collection_models import load_model, names_model, settings_model
from postings.errors import InvalidQuery
from postings.words import Bm25
from postings_query.word_search import WordSearch

if TYPE_CHECKING:
    from postings import Settings
    from postings.errors import PostingsError
    from postings.index.models import CollectionModels
    from postings.index.protocol import Fusion

log = logging.getLogger(__name__)

SECONDS = 2.0
"""How often a client looks whether its collection was switched to another model, while it searches."""


class FollowedModel:
    """The encoder for a collection.

    Until a new model is loaded, searches go on with the old one, whose vectors stay until it is dropped.

    Args:
        encoder: the client's own encoder, which it keeps; by default that of the settings' model, and if the settings
            name none, that of the model that the collection searches.
        settings: where to encode, and in which precision.
        collection: for messages.
    """

    def __init__(self, encoder: Encoder | None, settings: Settings, collection: str) -> None:
        self._settings = settings
        self._collection = collection
        self._encoder = None if encoder is None else Encoder.given(encoder)
        self.bm25: Bm25 | None = None
        """Reads words as the collection does; ``None`` before :meth:`take`, or if it has none."""
        self._checked = False
        self._problem = ""
        self._taking = threading.Lock()
        self._looked_at = time.monotonic()
        self.follows = encoder is None and not names_model(settings)
        """Whether the model is the collection's, not one that the client was told."""

    def word_search(
        self, bm25: Bm25 | None, weight: float | None, fusion: Fusion, *, named: bool = False
    ) -> WordSearch | None:
        """How to search the words of a query; ``None`` to search without.

        Args:
            bm25: the client's when the search began: it may be another by the end.
            weight: of the words; by default that of the settings, and if they have none, that of the collection.
            fusion: see :data:`postings.index.protocol.Fusion`.
            named: whether a query names exact words, which aren't searched with weight 0.

        Raises:
            InvalidQuery: a weight is given or a word is named, but the collection has no words; or ranks are to be
                fused without words.
        """
        chosen = self._settings.words if weight is None else weight
        if bm25 is None:
            if weight or fusion != "sum" or (named and chosen != 0):
                raise InvalidQuery(f"collection {self._collection!r} has no words: add them with 'postings words'")
            return None
        chosen = bm25.config.weight if chosen is None else chosen
        if not chosen and fusion != "sum":
            raise InvalidQuery(f"fusion {fusion!r} joins the model's hits with those of exact words, but words=0")
        return WordSearch(bm25, chosen, fusion) if chosen else None

    @property
    def encoder(self) -> Encoder | None:
        """The encoder; ``None`` before :meth:`take`."""
        return self._encoder if self._checked else None

    def load(self) -> None:
        """Load the model that the client was told."""
        if self._encoder is None and not self.follows:
            self._encoder = settings_model(self._settings)

    def take(self, models: CollectionModels) -> Encoder:
        """Load the model that the collection searches now, or check that the collection has the client's.

        Raises:
            ModelMismatch: the collection doesn't have it.
            ModelNotFound: the collection's model isn't on this machine.
        """
        self.load()
        with self._taking:
            if self._encoder is None or (self.follows and self._encoder.fingerprint != models.active):
                self._encoder = load_model(models, models.active, self._settings)
            models.require(self._encoder.fingerprint, self._encoder.name, self._collection)
            if models.words != (self.bm25.config if self.bm25 else None):
                self.bm25 = Bm25(models.words) if models.words else None
            self._checked = True
            self._problem = ""
            return self._encoder

    def keep(self, problem: PostingsError) -> None:
        """Go on with the encoder, because that of the active model can't be taken; the same problem is logged once."""
        if str(problem) != self._problem:
            self._problem = str(problem)
            log.warning("searches go on with the model %s: %s", getattr(self._encoder, "name", ""), problem)

    def due(self) -> bool:
        """Whether it is time to look for a switch, or for changed words, again; true only once each time."""
        if time.monotonic() - self._looked_at < SECONDS:
            return False
        self._looked_at = time.monotonic()
        return True
