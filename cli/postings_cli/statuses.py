"""Exit statuses of the commands; 2, for wrong usage, is the library's own."""

from __future__ import annotations

FAILED = 1
REJECTED = 3
"""All went through, but some records were rejected, or failed in a worker."""
INTERRUPTED = 130
"""As a shell says it of Ctrl-C."""
