"""Docker, where there is an engine, and the images that it has or can pull."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

REDIS = "redis:7.4-alpine"
QDRANT = "qdrant/qdrant:v1.20.0"
PYTHON = "python:3.11-slim"


@functools.cache
def engine() -> Any:
    """A client of the engine, or why there is none."""
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return "no Docker engine: neither DOCKER_HOST nor /var/run/docker.sock"
    import docker

    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except Exception as error:  # whatever it is, there is no engine to use
        return f"no Docker engine: {type(error).__name__}: {error!s:.200}"
    return client


@functools.cache
def missing(image: str) -> str | None:
    """Why an image can't be used; ``None`` if it is there, or was pulled."""
    client = engine()
    if isinstance(client, str):
        return client
    import docker

    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        try:
            client.images.pull(image)
        except Exception as error:
            return f"the image {image} is not there and can't be pulled: {error!s:.200}"
    return None
