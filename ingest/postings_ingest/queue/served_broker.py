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
"""Locked while the broker runs. Its content is the URL with the password, so only its user may read it."""


def with_served_broker(settings: Settings) -> Settings:
    """The settings, with the broker that runs beside their index folder; only if they name no other Redis.

    So commands of the service's user find its port and its password.

    Example:
        >>> with_served_broker(Settings(index_url=folder)).redis_url.get_secret_value()  # none runs there
        'redis://127.0.0.1:6379/0'
    """
    if settings.index_folder is None or "redis_url" in settings.model_fields_set:
        return settings
    url = _running(settings.index_folder / FOLDER / LOCK)
    return settings if url is None else settings.model_copy(update={"redis_url": SecretStr(url)})


def _running(lock: Path) -> str | None:
    """The URL of a running broker; ``None`` if none runs."""
    try:
        with lock.open() as file:
            url = file.read()
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return url or None
    except OSError:
        return None
    return None
