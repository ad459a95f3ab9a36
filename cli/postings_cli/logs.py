"""What the libraries log, as lines on stderr."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from postings_cli.console import say


class Lines(logging.Handler):
    """Prints each message in one line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        say(self.format(record))


@contextmanager
def shown_logs() -> Iterator[None]:
    """Show warnings, and what an encoder does only once and takes long, such as exporting its model."""
    log, encoding, handler = logging.getLogger("postings"), logging.getLogger("postings.encoder"), Lines()
    level = encoding.level
    log.addHandler(handler)
    encoding.setLevel(logging.INFO)
    try:
        yield
    finally:
        encoding.setLevel(level)
        log.removeHandler(handler)
