"""The report of a run of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """What a run has done so far. An id that came more than once in the run is counted once, with its newest version.

    Attributes:
        documents: documents that were read and processed: ``indexed + superseded + duplicates``.
        indexed: documents that are in the index in the newest version that the run had.
        superseded: documents that were left out, because the index holds a newer version or delete.
        passages: passages of the documents that were indexed.
        seconds: time since the run began.
        duplicates: documents whose id had come before in the run. The newest version is kept; among equal versions,
            the last.
        without_dims: documents among those indexed that no search can find: the model gave them no active dims.
        unchanged: documents among those indexed that the index held already, so that they weren't encoded again.
    """

    documents: int = 0
    indexed: int = 0
    superseded: int = 0
    passages: int = 0
    seconds: float = 0.0
    duplicates: int = 0
    without_dims: int = 0
    unchanged: int = 0
