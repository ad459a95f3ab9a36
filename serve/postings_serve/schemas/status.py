"""The state of the service and of its queue."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from postings_serve.schemas.common import Body


class Worker(Body):
    """A worker that is alive."""

    name: str
    ready: bool
    trouble: str | None
    documents: int = Field(description="Documents done since it started")
    documents_per_second: float
    batches_in_flight: int
    device: str
    started_at: int = Field(description="Milliseconds since the epoch")


class Counts(Body):
    """What became of a job's documents."""

    submitted: int
    indexed: int
    superseded: int
    deleted: int
    failed: int
    unchanged: int


class Queue(Body):
    """The state of a collection's queue."""

    queued: int = Field(description="Documents that wait for a worker")
    in_flight: int = Field(description="Documents that workers work on")
    dead_letters: int
    oldest_seconds: float
    batches: dict[str, int]
    workers: list[Worker]
    jobs: dict[str, Counts] = Field(description="The latest jobs, by id")
    documents_per_second: float


class Caller(Body):
    """Who makes the request, and what the service has for it."""

    name: str = Field(description="What its key is for; without keys, its address")
    scopes: list[Literal["admin", "read", "write"]]
    tenant: str | None = Field(description="Whose documents alone it sees and changes; null for all")
    keys: bool = Field(description="Whether requests need a key")
    judgements: bool = Field(description="Whether the caller's judgements of hits are kept")
    collection: str = Field(description="The collection of requests that name none")
    version: str
    index: Literal["folder", "server"]
    reranker: bool = Field(description="Whether searches may have their hits reranked")


class Status(Body):
    """The state of the service."""

    version: str
    collection: str = Field(description="The collection of requests that name none")
    index: Literal["folder", "server"]
    reranker: bool = Field(description="Whether searches may have their hits reranked")
    queue: Queue | None = Field(description="Null if Redis can't be reached")
    queue_problem: str | None


class Health(Body):
    """Whether the service works."""

    status: Literal["ok", "draining", "not ready"]
    detail: str = ""
