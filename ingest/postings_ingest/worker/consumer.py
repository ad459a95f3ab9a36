"""Messages that aren't ours, or are damaged, go to the dead letters: they must neither stop the worker nor vanish."""

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
from postings_ingest.repeats import Repeats

if TYPE_CHECKING:
    from kombu import Connection, Message

    from postings_ingest.worker.service import Service

log = logging.getLogger(__name__)


_LONGEST_PAUSE = 5.0

_repeats = Repeats(log)


class KeepingConsumer(Consumer):
    """Celery's consumer, which would log such messages and drop them."""

    def ensure_connected(self, conn: Connection) -> Connection:
        """Connect, however long that takes; Celery's own way logs each try, and pauses for up to half a minute.

        Raises:
            WorkerShutdown: the broker refuses us for good.
        """
        broker = redacted(self.app.conf.broker_url)

        def failed(error: Exception, _: float) -> None:
            self._end_if_refused(error)
            _repeats.again(broker, "the broker %s can't be reached, trying again: %s", broker, error)

        connected: Connection = conn.ensure_connection(
            failed, interval_start=0.25, interval_step=0.5, interval_max=_LONGEST_PAUSE, callback=maybe_shutdown
        )
        _repeats.over(broker, "the broker %s is reached again", broker)
        self.first_connection_attempt = False
        return connected

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """What went wrong while it connected, such as a database that there isn't."""
        self._end_if_refused(exc)
        super().on_connection_error_before_connected(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """What went wrong later, such as a command that its user may not send."""
        self._end_if_refused(exc)
        super().on_connection_error_after_connected(exc)

    def create_task_handler(self) -> Callable[[Message], None]:
        """A body of another shape raises from deep inside, which would end the worker."""
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
        """A body that isn't JSON; pickle among them."""
        self._keep(message, exc)
        super().on_decode_error(message, exc)

    def on_unknown_message(self, body: Any, message: Message) -> None:
        """A message that isn't Celery's."""
        self._keep(message, ValueError("the message isn't one of Celery's"))
        super().on_unknown_message(body, message)

    def on_unknown_task(self, body: Any, message: Message, exc: Exception) -> None:
        """A task that isn't ours."""
        self._keep(message, exc)
        super().on_unknown_task(body, message, exc)

    def on_invalid_task(self, body: Any, message: Message, exc: Exception) -> None:
        """A task whose headers can't be read."""
        self._keep(message, exc)
        super().on_invalid_task(body, message, exc)

    def _end_if_refused(self, error: Exception) -> None:
        service: Service = self.app.postings_service
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
