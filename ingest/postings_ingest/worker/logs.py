"""A worker's log, as text or as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from postings.secrets import without_secrets
from postings.unprintable import UnprintableTable

if TYPE_CHECKING:
    from postings import Settings

_CONTEXT = ("job", "batch", "document", "request")

_ESCAPED = UnprintableTable(lambda character: character if character == "\t" else repr(character)[1:-1])
_JSON_ESCAPED = UnprintableTable(lambda character: json.dumps(character)[1:-1])


def configure_logging(settings: Settings) -> None:
    """Log to standard error; only a worker process calls it."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        RedactingFormatter(JsonFormatter() if settings.log_json else TextFormatter(), settings.secrets())
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Celery would log each message that it receives; a batch is logged when it is done. uvicorn would log what we say.
    for name in ("celery.worker.strategy", "celery.app.trace", "uvicorn.error", "mcp"):
        logging.getLogger(name).setLevel(logging.WARNING)


class RedactingFormatter(logging.Formatter):
    """Formats with another formatter, and hides the settings' secrets, which libraries may quote."""

    def __init__(self, formatter: logging.Formatter, secrets: Collection[str]) -> None:
        super().__init__()
        self._formatter = formatter
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Format with the other formatter, and hide the secrets."""
        return without_secrets(self._formatter.format(record), self._secrets)


def one_line(text: str) -> str:
    r"""Make a text safe to log: it can't add lines, or change how a terminal shows them.

    Line breaks, other control characters and those that change the direction of text become escapes.

    Example:
        >>> one_line("a title\n2031-01-01 INFO all is well")
        'a title\\n2031-01-01 INFO all is well'
    """
    return text.translate(_ESCAPED)


class TextFormatter(logging.Formatter):
    """``time level message (batch …, job …)``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, followed by the traceback if there is one; it is indented, so that no line looks like an entry."""
        message = one_line(record.getMessage())
        context = ", ".join(f"{name} {getattr(record, name)}" for name in _CONTEXT if hasattr(record, name))
        end = f" ({one_line(context)})" if context else ""
        line = f"{self.formatTime(record, self.datefmt)} {record.levelname} {message}{end}"
        if not record.exc_info:
            return line
        traceback = self.formatException(record.exc_info).split("\n")
        return "\n".join([line, *(f"    {one_line(each)}" for each in traceback)])


class JsonFormatter(logging.Formatter):
    """A JSON object per line: ``time`` (s since the epoch), ``level``, ``logger``, ``message``, ``job``, ``batch``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: getattr(record, name) for name in _CONTEXT if hasattr(record, name)},
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False).translate(_JSON_ESCAPED)
