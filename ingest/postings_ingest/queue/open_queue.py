"""The connections to a collection's queue, which several producers may share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from postings_ingest.queue.celery_app import celery_app
from postings_ingest.queue.ledger import Ledger

if TYPE_CHECKING:
    from celery import Celery

    from postings import Settings


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """The connections to a collection's queue.

    Attributes:
        settings: the collection, and the tenant that what is sent belongs to.
        ledger: the collection's ledger.
        app: the collection's Celery application.
    """

    settings: Settings
    ledger: Ledger
    app: Celery

    @classmethod
    def open(cls, settings: Settings, ledger: Ledger | None = None) -> Self:
        """Open a queue; with the connections of a ledger, if one is given.

        Raises:
            MissingExtra: Celery or redis isn't installed.
            ConfigurationError: the URL of Redis or the broker can't be read.
        """
        opened = Ledger(settings) if ledger is None else ledger.of(settings)
        return cls(settings, opened, celery_app(settings))

    def of(self, settings: Settings) -> Self:
        """The queue of the same collection, with other settings, such as another tenant."""
        return replace(self, settings=settings, ledger=self.ledger.of(settings))

    def close(self) -> None:
        """Close the connections to the broker; those to Redis close when nothing uses them."""
        self.app.close()
