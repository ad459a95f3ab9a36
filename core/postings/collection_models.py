"""Loading the models that a collection names."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from postings.errors import CollectionNotFound, ModelMismatch

if TYPE_CHECKING:
    from postings.encoder.encoder import Encoder
    from postings.index.models import CollectionModels
    from postings.index.protocol import Index
    from postings.settings import Settings


_loading = threading.Lock()
_loaded: WeakValueDictionary[tuple[object, ...], Encoder] = WeakValueDictionary()


def names_model(settings: Settings) -> bool:
    """Whether the settings name a model, rather than leave it to the collection."""
    return "model" in settings.model_fields_set


def check_named_model(settings: Settings) -> None:
    """Check that the model that the settings name is on this machine, or download it; nothing is loaded.

    Raises:
        ModelError: there is no such model, or it has no weights that can be loaded.
        MissingExtra: the name is a hub id, and huggingface-hub isn't installed.
    """
    from postings.encoder.model_files.location import model_folder

    if names_model(settings):
        model_folder(settings.model)


def load_model(models: CollectionModels, fingerprint: str, settings: Settings) -> Encoder:
    """Load a model of a collection by the name that the collection has for it.

    Clients and writers in one process share it, as long as one of them uses it. Each name has an encoder of its own,
    because the encoder says the name to the user.

    Args:
        models: of the collection.
        fingerprint: of the model.
        settings: where to encode, and in which precision.

    Raises:
        ModelNotFound: there is no such model on this machine.
        ModelMismatch: the name is now that of a model with other vectors.
    """
    from postings.encoder.encoder import Encoder

    name = models.names[fingerprint]
    key = (os.getpid(), name, fingerprint, settings.device, settings.backend, settings.precision)
    with _loading:
        if (loaded := _loaded.get(key)) is not None:
            return loaded
        encoder = Encoder.load(name, settings.device, settings.backend, settings.precision)
        if encoder.fingerprint == fingerprint:
            _loaded[key] = encoder
            return encoder
    raise ModelMismatch(
        f"the collection was built with a model {name!r} ({fingerprint[:8]}), but {name!r} is now another model "
        f"({encoder.fingerprint[:8]}): pass the path of the right one as the model"
    )


def settings_model(settings: Settings) -> Encoder:
    """Load the settings' model; it is shared like those of :func:`load_model`.

    Raises:
        ModelNotFound: there is no such model on this machine.
    """
    from postings.encoder.encoder import Encoder

    key = (os.getpid(), settings.model, settings.device, settings.backend, settings.precision)
    with _loading:
        if (loaded := _loaded.get(key)) is None:
            loaded = _loaded[key] = Encoder.from_settings(settings)
        return loaded


def collection_encoder(settings: Settings, index: Index) -> Encoder:
    """The encoder of the settings' model; if they name none, that of the model that the collection searches.

    A collection that doesn't exist yet gets the settings' default model.

    Raises:
        ModelNotFound: there is no such model on this machine.
        ModelMismatch: the collection has no vectors of the settings' model, or the name of its model is now that of
            another.

    Example:
        >>> collection_encoder(Settings(), index).name
        'tiny'
    """
    try:
        models = index.models()
    except CollectionNotFound:
        return settings_model(settings)
    if not names_model(settings):
        return load_model(models, models.active, settings)
    encoder = settings_model(settings)
    models.require(encoder.fingerprint, encoder.name, index.collection)
    return encoder
