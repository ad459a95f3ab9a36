"""All errors that Postings raises, in one tree.

::

    PostingsError
    ├── InvalidInput            a value that was passed can't be used; correct it, don't retry
    │   ├── InvalidDocument
    │   ├── InvalidVector
    │   ├── InvalidFilter
    │   ├── InvalidQuery
    │   └── InvalidMessage      a message in the queue isn't one that Postings wrote
    │       └── NewerFormat     a newer version of Postings wrote it
    ├── ConfigurationError      a setting is wrong
    │   ├── MissingExtra        an optional dependency isn't installed
    │   └── SwitchRefused       the collection isn't ready to be searched with this model
    ├── ReaderError             a source can't be read at all
    ├── ModelError
    │   ├── ModelNotFound       no such folder, bundled model or hub id
    │   ├── ModelNotSupported   the model can't be used for sparse retrieval on Qdrant
    │   ├── EncodingFailed      the model failed on a document, but encodes others
    │   └── ModelMismatch       the collection was built with another model
    ├── IndexFailure
    │   ├── CollectionNotFound
    │   ├── CollectionExists
    │   ├── IndexLocked         another process has the embedded index open
    │   ├── IndexCorrupt        the folder, or the record of its models, can't be read
    │   ├── IndexRejected       the engine refused the request, and would refuse it again
    │   │   └── StrictModeRejected   because of the collection's strict mode
    │   ├── AccessDenied        the server refused the API key
    │   ├── IndexUnavailable    the engine can't be reached or can't answer now  (retry)
    │   └── StorageFull         the disk is too full to write safely             (retry)
    ├── QueueFailure
    │   ├── JobNotFound
    │   ├── DeadLetterNotFound
    │   ├── TooOldToRetry       a dead letter could bring back a deleted document
    │   ├── WorkerDied          the worker crashed or hung each time it indexed a document
    │   ├── BatchLost           Redis lost a batch before it was done
    │   ├── JobUnfinished       some documents of a job weren't done in time         (retry)
    │   ├── QueueFull           the workers must catch up first                  (retry)
    │   └── BrokerUnavailable   Redis can't be reached or can't answer now       (retry)
    ├── TrainingFailure         a training run can't continue; its last checkpoint is kept
    ├── OutputLost              a command can't write its output
    ├── WrongProcess            an index, encoder or producer was opened before this process was forked
    └── WrongEventLoop          an index was opened on another event loop

``error.retry`` is true if the same call may succeed later. The ``__cause__`` of an error is the library's error.
"""

from __future__ import annotations

from typing import ClassVar


class PostingsError(Exception):
    """The root of the tree: catch it to catch every error that Postings raises on purpose."""

    retry: ClassVar[bool] = False


class InvalidInput(PostingsError, ValueError):
    """A value that was passed can't be used."""


class InvalidDocument(InvalidInput):
    """A document breaks a rule of :class:`postings.Document`."""


class InvalidVector(InvalidInput):
    """A sparse vector breaks a rule of :class:`postings.SparseVector`."""


class InvalidFilter(InvalidInput):
    """A filter isn't a Qdrant filter, or has a condition that the engine doesn't know."""


class InvalidQuery(InvalidInput):
    """A query or one of its limits is invalid."""


class InvalidMessage(InvalidInput):
    """A message or dead letter isn't one that Postings wrote."""


class NewerFormat(InvalidMessage):
    """A message was written by a newer version of Postings."""


class ConfigurationError(PostingsError):
    """A setting is missing, unknown or out of range."""


class MissingExtra(ConfigurationError):
    """An optional dependency is needed; the message has the ``pip install`` line.

    Example:
        >>> str(MissingExtra("torch", "encoding with a PyTorch model"))
        "encoding with a PyTorch model needs an optional dependency: pip install 'postings[torch]'"
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs an optional dependency: pip install 'postings[{extra}]'")
        self.extra = extra
        self.purpose = purpose


class SwitchRefused(ConfigurationError):
    """A collection can't be searched with this model now: passages lack its vectors, or there is no previous one."""


class ReaderError(PostingsError):
    """A source of documents can't be opened, or isn't in a format that Postings reads."""


class ModelError(PostingsError):
    """Something is wrong with an encoder model."""


class ModelNotFound(ModelError):
    """The model is neither bundled, nor a folder, nor an id that the hub knows."""


class ModelNotSupported(ModelError):
    """The model can't be used for sparse retrieval by dot product."""


class EncodingFailed(ModelError):
    """The model failed on this document, but encodes others: the document is a dead letter."""


class ModelMismatch(ModelError):
    """The collection has no vectors of this model."""


class IndexFailure(PostingsError):
    """The index can't do what was requested."""


class CollectionNotFound(IndexFailure):
    """The collection doesn't exist."""


class CollectionExists(IndexFailure):
    """A collection of this name exists already."""


class IndexLocked(IndexFailure):
    """Another process has the embedded index open."""


class IndexCorrupt(IndexFailure):
    """The embedded index, or a collection's record of its models, can't be read."""


class IndexRejected(IndexFailure):
    """The engine refused a request, and would refuse it again."""


class StrictModeRejected(IndexRejected):
    """The collection's strict mode doesn't allow the request."""


class AccessDenied(IndexFailure):
    """The server refused the API key, or the key doesn't allow the request."""


class IndexUnavailable(IndexFailure):
    """The engine can't be reached, or can't answer now."""

    retry: ClassVar[bool] = True


class StorageFull(IndexFailure):
    """The disk is too full to write safely."""

    retry: ClassVar[bool] = True


class QueueFailure(PostingsError):
    """The queue can't do what was requested."""


class JobNotFound(QueueFailure):
    """No job has this id, or it was sent too long ago."""


class DeadLetterNotFound(QueueFailure):
    """No dead letter has this id."""


class TooOldToRetry(QueueFailure):
    """A dead letter is older than the deletes that are remembered."""


class WorkerDied(QueueFailure):
    """The worker crashed or hung each time it indexed a document: the document is a dead letter."""


class BatchLost(QueueFailure):
    """Redis lost a batch before it was done: a dead letter records its documents."""


class JobUnfinished(QueueFailure, TimeoutError):
    """Some documents of a job weren't done in time; they may be done later."""

    retry: ClassVar[bool] = True


class QueueFull(QueueFailure):
    """Too many documents are queued: the workers must catch up first."""

    retry: ClassVar[bool] = True


class BrokerUnavailable(QueueFailure):
    """Redis, or another broker, can't be reached or can't answer now."""

    retry: ClassVar[bool] = True


class TrainingFailure(PostingsError):
    """A training run can't continue: its loss isn't finite, its vectors collapsed, or nothing can be saved."""


class OutputLost(PostingsError):
    """A command can't write its output, for example because the disk is full."""


class WrongProcess(PostingsError, RuntimeError):
    """An object was opened before this process was forked; each process must open its own."""


class WrongEventLoop(PostingsError, RuntimeError):
    """An index was opened on another event loop, which owns its connections."""


def first_line(error: BaseException) -> str:
    """The first line of a library's error; what follows is often advice for other users."""
    return str(error).strip().partition("\n")[0]
