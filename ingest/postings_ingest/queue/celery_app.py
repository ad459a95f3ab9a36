"""The Celery application that carries the ids of batches from producers to workers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from postings.errors import MissingExtra
from postings.secrets import redacted
from postings_ingest.queue.ledger import BULK, QUEUES
from postings_ingest.queue.refusals import is_read_only, refusal
from postings_ingest.queue.urls import broker_options
from postings_ingest.throttled_log import ThrottledLog
from postings_ingest.tracing import trace_headers

if TYPE_CHECKING:
    from celery import Celery

    from postings import Settings

TASK = "postings.index"

log = logging.getLogger(__name__)

_throttled = ThrottledLog(log)
_ANNOUNCED = "postings_announced"
"""An attribute of an app whose broker took an announcement."""


def queue_name(settings: Settings, queue: str) -> str:
    """The name of a collection's queue in the broker."""
    return f"postings.{settings.collection}.{queue}"


def celery_app(settings: Settings) -> Celery:
    """The Celery application of a collection.

    Raises:
        MissingExtra: Celery isn't installed.
        ConfigurationError: the broker's URL can't be read.
    """
    try:
        from celery import Celery
        from kombu import Exchange, Queue
    except ImportError as error:
        raise MissingExtra("queue", "queueing documents") from error
    app = Celery("postings", set_as_current=False)
    names = [queue_name(settings, queue) for queue in QUEUES]
    broker = broker_options(settings)
    app.conf.update(
        **broker,
        broker_transport_options={
            "visibility_timeout": settings.visibility_timeout,
            # kombu's default is to look for unacknowledged messages every 100 s.
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "queue_order_strategy": "priority",
            "global_keyprefix": f"postings:{{{settings.collection}}}:broker:",
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "health_check_interval": 15,
            "max_retries": 0,  # a producer doesn't wait for the broker; a worker's consumer retries by itself
            # kombu shares connections with the same URL and options, even if only one of them verifies certificates.
            "tls": repr(broker.get("broker_use_ssl")),
        },
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_channel_error_retry=True,  # a full Redis answers with one
        accept_content=["json"],
        task_serializer="json",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_queues=[Queue(name, Exchange(name, type="direct"), routing_key=name) for name in names],
        task_default_queue=queue_name(settings, BULK),
        task_create_missing_queues=False,
        worker_pool="threads",
        worker_concurrency=settings.worker_threads,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
    return app


def announce(app: Celery, settings: Settings, id: str, queue: str) -> bool:
    """Send a batch's id to the workers; returns whether the broker accepted it.

    If it didn't, nothing is lost: the ledger has the batch, and a worker announces it again.

    Raises:
        ConfigurationError: the broker refuses us, and no retry changes that.
    """
    from kombu.exceptions import KombuError

    connection = app.connection_for_write()
    errors = (*connection.connection_errors, *connection.channel_errors)
    broker = redacted(app.conf.broker_url)
    try:
        name = queue_name(settings, queue)
        app.send_task(TASK, (id,), task_id=id, queue=name, headers=trace_headers(), retry=False, ignore_result=True)
    except (*errors, KombuError, OSError) as error:
        # A broker that took our writes before was the primary: a failover makes it one again.
        if not (is_read_only(error) and (hasattr(app, _ANNOUNCED) or not settings.broker_url)):
            check_refusal(error, app, settings)
        _throttled.warn(broker, "batch %s was accepted, but can't be announced yet: %s", id, error)
        return False
    setattr(app, _ANNOUNCED, True)
    _throttled.recovered(broker, "batches are announced again")
    return True


def check_broker(app: Celery, settings: Settings) -> None:
    """Check that the broker doesn't refuse us, before anything is accepted. A broker that can't be reached is no error.

    Raises:
        ConfigurationError: the broker refuses us, and no retry changes that.
    """
    from kombu.exceptions import KombuError

    with app.connection_for_write() as connection:
        try:
            connection.connect()
        except (*connection.connection_errors, *connection.channel_errors, KombuError, OSError) as error:
            check_refusal(error, app, settings)


def check_refusal(error: BaseException, app: Celery, settings: Settings) -> None:
    """Raise an error of the broker that no retry changes.

    Raises:
        ConfigurationError: the broker refuses us.
    """
    setting = "POSTINGS_BROKER_URL" if settings.broker_url else "POSTINGS_REDIS_URL"
    url = urlsplit(app.conf.broker_url.partition(";")[0])
    plain = (url.hostname or "localhost", url.port or 6379) if url.scheme == "redis" else None
    if refused := refusal(error, f"the broker {redacted(app.conf.broker_url)}", setting, plain):
        raise refused from error
