"""Jobs."""

from __future__ import annotations

from pydantic import Field

from postings_serve.schemas.common import Body


class JobState(Body):
    """What became of the documents of a job so far."""

    job: str = Field(examples=["5f0c1c9b3d2e4f6a8b7c9d0e1f2a3b4c"])
    submitted: int
    indexed: int
    superseded: int = Field(description="Left out, because the index holds a newer version or delete")
    deleted: int
    failed: int = Field(description="They are dead letters")
    unchanged: int = Field(description="Of those indexed, documents that the index held already")
    finished: bool = Field(description="Whether nothing is left to do")


class Jobs(Body):
    """The jobs that were updated last, the latest first."""

    jobs: list[JobState]
