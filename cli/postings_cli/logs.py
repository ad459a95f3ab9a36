"""What the libraries log, as lines on stderr."""

from __future__ import annotations

import logging

from postings_cli.console import say


class Lines(logging.Handler):
    """Prints each message in one line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        say(self.format(record))


def show_logs() -> None:
    """Show warnings, and what an encoder does only once and takes long, such as exporting its model."""
    log = logging.getLogger("postings")
    if not log.handlers:
        log.addHandler(Lines())
        logging.getLogger("postings.encoder").setLevel(logging.INFO)
