"""The ids of jobs: those of a process that is bound to a tenant begin with a digest of the tenant's name."""

from __future__ import annotations

import hashlib
import uuid

_LENGTH = 16


def new_job_id(tenant: str | None) -> str:
    """An id for a job of a process that is bound to a tenant, or isn't bound.

    Example:
        >>> new_job_id("acme")
        '822b33ad87c148a0-...'
        >>> belongs_to(new_job_id("acme"), "acme"), belongs_to(new_job_id("acme"), "globex")
        (True, False)
    """
    id = uuid.uuid4().hex
    return id if tenant is None else f"{owner(tenant)}-{id}"


def owner(tenant: str) -> str:
    """What the ids of a tenant's jobs begin with."""
    return hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]


def belongs_to(job: str, tenant: str) -> bool:
    """Whether a job was sent by a process that was bound to a tenant."""
    return job.startswith(f"{owner(tenant)}-")
