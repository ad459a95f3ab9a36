"""Every error that Postings raises, in one tree.

::

    PostingsError
    ├── InvalidInput            what you passed can't be used; correct it, don't retry
    │   ├── InvalidDocument
    │   ├── InvalidVector
    │   ├── InvalidFilter
    │   ├── InvalidQuery
    │   └── InvalidMessage      what came from the queue isn't what a producer sends
    ├── ConfigurationError      a setting is wrong
    │   └── MissingExtra        an optional dependency isn't installed
    ├── ReaderError             a source can't be read at all
    ├── ModelError
    │   ├── ModelNotFound       no such folder, bundled name or hub id
    │   ├── ModelNotSupported   the model loads, but can't serve sparse retrieval on Qdrant
    │   └── ModelMismatch       the collection was built with another model
    ├── IndexFailure
    │   ├── CollectionNotFound
    │   ├── IndexLocked         another process holds the embedded folder
    │   ├── IndexCorrupt        the embedded folder isn't a readable index
    │   ├── IndexRejected       the engine refused the request; the same request fails again
    │   │   └── StrictModeRejected   by the collection's strict mode
    │   ├── AccessDenied        the server refused the API key
    │   ├── IndexUnavailable    the engine can't be reached or can't answer now  (retry)
    │   └── StorageFull         no room left to write safely                     (retry)
    ├── QueueFailure
    │   ├── JobNotFound
    │   ├── DeadLetterNotFound
    │   ├── TooOldToRetry       a dead letter could bring back a deleted document
    │   ├── QueueFull           the workers have to catch up first               (retry)
    │   └── BrokerUnavailable   Redis can't be reached or can't answer now       (retry)
    ├── TrainingFailure         a training run can't go on; its last checkpoint is kept
    └── WrongProcess            an index, encoder or producer is used in a process that was forked after it was opened

``error.retry`` is true where the same call may succeed later. An error raised by a library is kept as ``__cause__``.
"""

from __future__ import annotations

from typing import ClassVar


class PostingsError(Exception):
    """The root of the tree: catch it to catch everything that Postings raises on purpose."""

    retry: ClassVar[bool] = False


class InvalidInput(PostingsError, ValueError):
    """A value that was passed in can't be used as it is."""


class InvalidDocument(InvalidInput):
    """A document breaks a rule of :class:`postings.Document`."""


class InvalidVector(InvalidInput):
    """A sparse vector breaks a rule of :class:`postings.SparseVector`."""


class InvalidFilter(InvalidInput):
    """A filter isn't a Qdrant filter, or uses a condition that the engine doesn't have."""


class InvalidQuery(InvalidInput):
    """A query or its limits can't be searched for."""


class InvalidMessage(InvalidInput):
    """A message or dead letter isn't one that Postings wrote, or one of a version that it doesn't know."""


class ConfigurationError(PostingsError):
    """A setting is missing, unknown or out of range."""


class MissingExtra(ConfigurationError):
    """An optional dependency is needed; the message holds the ``pip install`` line.

    Example:
        >>> str(MissingExtra("torch", "encoding with a PyTorch model"))
        "encoding with a PyTorch model needs an optional dependency: pip install 'postings[torch]'"
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs an optional dependency: pip install 'postings[{extra}]'")
        self.extra = extra


class ReaderError(PostingsError):
    """A source of documents can't be opened, or isn't in a format that Postings reads."""


class ModelError(PostingsError):
    """Something is wrong with an encoder model."""


class ModelNotFound(ModelError):
    """The model is neither bundled, nor a folder, nor an id that the hub knows."""


class ModelNotSupported(ModelError):
    """The model can't be used for sparse retrieval by dot product."""


class ModelMismatch(ModelError):
    """A vector would be read with another model's vocabulary."""


class IndexFailure(PostingsError):
    """The index can't do what was asked."""


class CollectionNotFound(IndexFailure):
    """The collection doesn't exist."""


class IndexLocked(IndexFailure):
    """Another process has the embedded index open."""


class IndexCorrupt(IndexFailure):
    """The embedded index can't be read back."""


class IndexRejected(IndexFailure):
    """The engine refused a request that will fail again if it is repeated."""


class StrictModeRejected(IndexRejected):
    """The collection's strict mode doesn't allow the request."""


class AccessDenied(IndexFailure):
    """The server doesn't accept the API key, or not for what was asked."""


class IndexUnavailable(IndexFailure):
    """The engine can't be reached, or can't answer now."""

    retry: ClassVar[bool] = True


class StorageFull(IndexFailure):
    """The disk has too little room left to write safely."""

    retry: ClassVar[bool] = True


class QueueFailure(PostingsError):
    """The queue can't do what was asked."""


class JobNotFound(QueueFailure):
    """Nothing was sent under this id, or too long ago."""


class DeadLetterNotFound(QueueFailure):
    """There is no dead letter of this id."""


class TooOldToRetry(QueueFailure):
    """A dead letter is older than the deletes that are remembered."""


class QueueFull(QueueFailure):
    """So many documents are queued that the workers have to catch up first."""

    retry: ClassVar[bool] = True


class BrokerUnavailable(QueueFailure):
    """Redis, or another broker, can't be reached or can't answer now."""

    retry: ClassVar[bool] = True


class TrainingFailure(PostingsError):
    """A training run can't go on: its loss isn't finite, its vectors have collapsed, or nothing can be saved."""


class WrongProcess(PostingsError, RuntimeError):
    """What was opened before a fork is used in the child, which must open its own."""


def first_line(error: BaseException) -> str:
    """The first line of a library's error; what follows is often advice for other users."""
    return str(error).strip().partition("\n")[0]
