"""Slices: parts of a collection that workers encode with another model.

A slice is a batch of the queue ``reindex``, from which workers take only what they have time for. It counts as one
document. Its payload is ``{"format": 1, "reindex": {"model", "start", "end", "rate"}}``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from postings.errors import InvalidInput, InvalidMessage, NewerFormat
from postings_ingest.id_range import IdRange
from postings_ingest.queue.ledger import REINDEX, Ledger
from postings_ingest.rates import checked_rate

FORMAT = 1
PASSAGES = 2000
"""Passages of a slice, about."""
_MOST = 1024


@dataclass(frozen=True, slots=True)
class Slice:
    """The passages in a range of ids that have no vector of a model yet.

    Attributes:
        model: the model's fingerprint.
        ids: the range.
        rate: passages that all workers together may encode in a second; ``None`` for no limit.
    """

    model: str
    ids: IdRange
    rate: float | None = None

    def rest(self, ids: IdRange) -> Self:
        """The slice with another range."""
        return replace(self, ids=ids)

    def pack(self) -> str:
        """The payload of a batch; :meth:`unpack` reads it back."""
        return json.dumps({"format": FORMAT, "reindex": {"model": self.model, **self.ids.to_json(), "rate": self.rate}})

    @classmethod
    def unpack(cls, payload: str) -> Self:
        """Read what :meth:`pack` wrote.

        Raises:
            NewerFormat: a newer version of Postings wrote it.
            InvalidMessage: it is something else.
        """
        try:
            content: Any = json.loads(payload)
        except (ValueError, RecursionError) as error:
            raise InvalidMessage(f"the payload isn't JSON: {error}") from error
        match content:
            case {"format": 1, "reindex": {"model": str(model), "rate": rate, **ids}}:
                return cls(model, IdRange.from_json(ids), _read_rate(rate))
            case {"format": int(newer)} if newer > FORMAT and not isinstance(newer, bool):
                raise NewerFormat(f"the payload has format {newer}, expected {FORMAT}: update this worker")
        raise InvalidMessage(f"expected a payload with 'format' and 'reindex', got {payload:.200}")


def queue_slices(
    ledger: Ledger, announce: Callable[[str, str], object], model: str, passages: int, rate: float | None = None
) -> int:
    """Queue a whole collection to be encoded with another model.

    Args:
        ledger: the collection's ledger.
        announce: announces a batch, given its id and queue.
        model: the model's fingerprint; the collection must have it.
        passages: of the collection, about.
        rate: passages that all workers together may encode in a second; by default as many as possible.

    Returns:
        The number of slices.

    Raises:
        InvalidInput: the rate can't be kept.
        QueueFull: the queue is full.
        BrokerUnavailable: Redis can't be reached; workers go on with the slices that were queued.
    """
    rate = checked_rate(rate)
    job = uuid.uuid4().hex
    parts = IdRange().split(min(max(passages // PASSAGES, 1), _MOST))
    for ids in parts:
        batch = uuid.uuid4().hex
        ledger.register(batch, Slice(model, ids, rate).pack(), 1, job, REINDEX)
        announce(batch, REINDEX)
    return len(parts)


def _read_rate(rate: object) -> float | None:
    try:
        return checked_rate(rate)
    except InvalidInput as error:
        raise InvalidMessage(f"the payload can't be used: {error}") from error
