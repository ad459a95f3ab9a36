"""Exit statuses of the commands; 2, for wrong usage, is Typer's."""

from __future__ import annotations

FAILED = 1
REJECTED = 3
"""The command is done, but some records were rejected, failed in a worker, or couldn't be exported."""
INTERRUPTED = 130
"""The status that shells report after Ctrl-C."""
