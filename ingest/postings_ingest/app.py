"""The Celery application of the workers: ``celery -A postings_ingest.app worker``, or ``postings worker``."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import signals
from celery.exceptions import Reject
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from celery.worker import state

from postings import PostingsError, Settings
from postings_ingest.queue.celery_app import TASK, celery_app
from postings_ingest.queue.dead_letters import MAX_SHOWN
from postings_ingest.tracing import span
from postings_ingest.worker.health import HealthServer
from postings_ingest.worker.logs import configure_logging
from postings_ingest.worker.retrying import ModelBroken, Stopping
from postings_ingest.worker.service import Service
from postings_ingest.worker.supervisor import end_with_parent
from postings_ingest.worker.transport import guard_redis

log = logging.getLogger(__name__)

settings = Settings()
app = celery_app(settings)
app.conf.worker_consumer = "postings_ingest.worker.consumer:DeadLetterConsumer"
guard_redis(lambda item, reason: _service().keep_unreadable(item, reason))
_health: HealthServer | None = None


@app.task(name=TASK, bind=True)
def index(self: Any, *args: Any, **kwargs: Any) -> None:
    """Work on the batch with this id."""
    service = _service()
    match args, kwargs:
        case (str(id),), {**rest} if not rest and id.isalnum() and len(id) <= 64:
            try:
                with span("postings.batch", self.request.headers, batch=id):
                    service.handle(id)
            except Stopping as error:
                if isinstance(error, ModelBroken):
                    log.error("the model fails, so the worker must be restarted: %s", error)
                    service.stopping.set()
                    state.should_stop = os.EX_TEMPFAIL
                raise Reject("the worker is stopping", requeue=True) from error
        case _:
            reason = f"{TASK} expects the id of a batch, got {args!r:.200} and {kwargs!r:.200}"
            service.keep_unreadable(f"{args!r:.{MAX_SHOWN}} {kwargs!r:.{MAX_SHOWN}}", reason)


def _service() -> Service:
    service: Service = app.postings_service
    return service


@signals.setup_logging.connect(weak=False)
def _logging(**_: Any) -> None:
    configure_logging(settings)


@worker_init.connect(weak=False)
def _load(**_: Any) -> None:
    global _health
    configure_logging(settings)  # Celery does it only after this, and exporting a model may take long
    end_with_parent()
    # After any other error Celery would go on, and take batches without a model.
    try:
        service = Service(settings, app)
        app.postings_service = service
        if settings.worker_port is not None:
            _health = HealthServer(
                service.metrics.registry, lambda: service.ready, settings.worker_host, settings.worker_port
            )
        service.load()
    except (PostingsError, Stopping) as error:
        log.error("the worker can't start: %s", error)
        raise SystemExit(1) from error
    except Exception as error:
        log.exception("the worker can't start")
        raise SystemExit(1) from error


@worker_ready.connect(weak=False)
def _ready(**_: Any) -> None:
    _service().begin()
    log.info("ready: taking batches of collection %r", settings.collection)


@worker_shutting_down.connect(weak=False)
def _stopping(**_: Any) -> None:
    log.info("stopping once the batches in flight are finished")
    _service().stopping.set()


@worker_shutdown.connect(weak=False)
def _stop(**_: Any) -> None:
    _service().stop()
    if _health is not None:
        _health.stop()
