"""The settings of ``postings serve``, a part of :class:`postings.Settings`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

_RATE = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)")


def _checked_rate(rate: str | None) -> str | None:
    if rate is not None and not _RATE.fullmatch(rate):
        raise ValueError("expected a number of requests and a time, such as '100/second' or '5000/hour'")
    return rate


class ServeSettings(BaseSettings):
    """What ``postings serve`` listens on, what it allows, and what it keeps beside the index."""

    serve_host: str = Field("127.0.0.1", min_length=1, description="Address that 'postings serve' listens on")
    serve_port: int = Field(
        8000, ge=0, le=65535, description="Port that 'postings serve' listens on; 0 picks a free one"
    )
    serve_keys: Path | None = Field(
        None, description="File of the API keys; by default '.keys.json' in the index folder"
    )
    serve_rate: Annotated[str | None, AfterValidator(_checked_rate)] = Field(
        None,
        description="Requests that each API key, or without keys each address, may make, for example '100/second'; by "
        "default any number",
    )
    serve_timeout: int = Field(
        30, ge=1, description="Seconds until a request is given up, except for uploads and streams"
    )
    serve_rerank: str | None = Field(
        None, description="A cross-encoder's folder or hub id, with which requests may have the best hits reranked"
    )
    judgements: Path | None = Field(
        None, description="File of the judgements of search hits; by default '.judgements.db' in the index folder"
    )
