"""The broker that ``postings serve`` runs beside an index folder."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from postings import Settings

FOLDER = ".broker"
"""In the index folder."""

LOCK = "lock"
"""Locked while the broker runs; its content is the port."""


def with_served_broker(settings: Settings) -> Settings:
    """The settings, with the broker that runs beside their index folder; only if they name no other Redis.

    So commands find it where it isn't on the usual port.

    Example:
        >>> with_served_broker(Settings(index_url=folder)).redis_url.get_secret_value()
        'redis://127.0.0.1:6379/0'
    """
    if settings.index_folder is None or "redis_url" in settings.model_fields_set:
        return settings
    port = running_port(settings.index_folder / FOLDER / LOCK)
    if port is None:
        return settings
    return settings.model_copy(update={"redis_url": SecretStr(f"redis://127.0.0.1:{port}/0")})


def running_port(lock: Path) -> int | None:
    """The port of a running broker; ``None`` if none runs."""
    try:
        with lock.open() as file:
            port = file.read()
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(port) if port.isdecimal() else None
    except OSError:
        return None
    return None
