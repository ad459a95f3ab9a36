"""Celery's consumer, with messages that can't be read moved to the dead letters."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery.exceptions import WorkerShutdown
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from postings.errors import ConfigurationError
from postings.secrets import redacted
from postings_ingest.queue.celery_app import check_refusal
from postings_ingest.queue.refusals import is_read_only
from postings_ingest.throttled_log import ThrottledLog

if TYPE_CHECKING:
    from kombu import Connection, Message

    from postings_ingest.worker.service import Service

log = logging.getLogger(__name__)


_LONGEST_PAUSE = 5.0

_throttled = ThrottledLog(log)


class DeadLetterConsumer(Consumer):
    """Keeps unreadable messages as dead letters; Celery's consumer would log and drop them, or end the worker."""

    _has_been_ready = False

    def on_ready(self) -> None:
        """Consume from now on: the broker has bound the queues, which is a write."""
        super().on_ready()
        self._has_been_ready = True

    def ensure_connected(self, conn: Connection) -> Connection:
        """Connect, however long that takes. Celery's method logs each attempt, and pauses for up to half a minute.

        Raises:
            WorkerShutdown: the broker refuses us, and no retry changes that.
        """
        broker = redacted(self.app.conf.broker_url)

        def failed(error: Exception, _: float) -> None:
            self._end_if_refused(error)
            _throttled.warn(broker, "the broker %s can't be reached, retrying: %s", broker, error)

        connected: Connection = conn.ensure_connection(
            failed, interval_start=0.25, interval_step=0.5, interval_max=_LONGEST_PAUSE, callback=maybe_shutdown
        )
        _throttled.recovered(broker, "connected to the broker %s again", broker)
        self.first_connection_attempt = False
        return connected

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Handle an error while connecting, such as a missing database."""
        self._end_if_refused(exc)
        super().on_connection_error_before_connected(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Handle an error after connecting, such as a command that the user may not run."""
        self._end_if_refused(exc)
        super().on_connection_error_after_connected(exc)

    def create_task_handler(self) -> Callable[[Message], None]:
        """Guard against bodies of another shape, whose errors would end the worker."""
        handle = super().create_task_handler()

        def guarded(message: Message) -> None:
            try:
                handle(message)
            except self.connection_errors:
                raise
            except Exception as error:
                self._keep(message, error)
                message.reject_log_error(log, self.connection_errors)

        return guarded

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Keep a message whose body isn't JSON, for example pickle."""
        self._keep(message, exc)
        super().on_decode_error(message, exc)

    def on_unknown_message(self, body: Any, message: Message) -> None:
        """Keep a message that isn't Celery's."""
        self._keep(message, ValueError("it isn't a message of Celery"))
        super().on_unknown_message(body, message)

    def on_unknown_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Keep a message for an unknown task."""
        self._keep(message, exc)
        super().on_unknown_task(body, message, exc)

    def on_invalid_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Keep a message whose headers can't be read."""
        self._keep(message, exc)
        super().on_invalid_task(body, message, exc)

    def _end_if_refused(self, error: Exception) -> None:
        service: Service = self.app.postings_service
        if self._has_been_ready and is_read_only(error):
            return  # it took our writes before, so it was the primary: wait until a failover is over
        try:
            check_refusal(error, self.app, service.settings)
        except ConfigurationError as refused:
            log.error("the worker can't go on: %s", refused)
            raise WorkerShutdown(1) from refused

    def _keep(self, message: Message, error: Exception) -> None:
        service: Service = self.app.postings_service
        headers = {str(name): f"{value!s:.200}" for name, value in (message.headers or {}).items()}
        reason = f"{type(error).__name__}: {error!s}"
        service.keep_unreadable(message.body, reason, headers=headers, type=message.content_type)
