"""What errors say, safe to print."""

from __future__ import annotations

from postings import PostingsError, Settings
from postings.secrets import without_secrets


def error_text(error: Exception) -> str:
    """What an error says, without the settings' secrets, should a library have quoted them."""
    try:
        secrets = Settings().secrets()
    except PostingsError:
        secrets = set()
    return without_secrets(str(error), secrets)
