"""OpenTelemetry spans, where it is installed; they reach from the producer through the broker to the worker.

Nothing is exported unless the process sets a tracer provider up, as ``opentelemetry-instrument postings worker`` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any


def trace_headers() -> dict[str, str]:
    """The context of the current span, as message headers (W3C ``traceparent``)."""
    headers: dict[str, str] = {}
    with suppress(ImportError):
        from opentelemetry import propagate

        propagate.inject(headers)
    return headers


@contextmanager
def span(name: str, headers: Mapping[str, Any] | None = None, **attributes: str | int) -> Iterator[None]:
    """A span around a block.

    Args:
        name: for example ``postings.batch``.
        headers: of the message that led here; by default the span belongs to the current one.
        attributes: of the span.
    """
    try:
        from opentelemetry import propagate, trace
    except ImportError:
        yield
        return
    context = propagate.extract(dict(headers)) if headers else None
    with trace.get_tracer("postings").start_as_current_span(name, context, attributes=attributes):
        yield
