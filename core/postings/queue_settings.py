"""The settings of the queue and its workers, a part of :class:`postings.Settings`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class QueueSettings(BaseSettings):
    """Where the queue is, and how workers work on it."""

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="URL of the Redis with queue, jobs and dead letters"
    )
    redis_ca: Path | None = Field(
        None,
        description="File of the CA certificates for Redis (rediss://), besides those of the system",
    )
    broker_url: SecretStr | None = Field(
        None, description="URL of the broker for Celery's messages, for example amqp://…; by default redis_url"
    )
    queue_limit: int = Field(100_000, ge=1, description="Producers wait at this many queued or in-flight documents")
    visibility_timeout: int = Field(
        20, ge=1, description="Seconds until the batches of a dead worker go to another worker"
    )
    worker_threads: int = Field(
        2, ge=1, description="Batches that a worker has in flight: one encodes, the others write"
    )
    batch_seconds: int = Field(
        600,
        ge=1,
        description="Seconds until a worker returns the rest of a batch to the queue; a worker whose batch makes no "
        "progress for this long is killed",
    )
    worker_port: int | None = Field(
        None, ge=0, le=65535, description="Port on which a worker serves /metrics, /ready and /live; by default none"
    )
    worker_events: bool = Field(default=False, description="Whether a worker sends Celery's events, for Flower")
    worker_host: str = Field("127.0.0.1", description="Address that worker_port listens on")
    log_json: bool = Field(default=False, description="Whether a worker logs JSON, one object per line")
