"""OpenTelemetry spans, if it is installed; they connect the producer, the broker and the worker.

Nothing is exported unless the process sets up a tracer provider, as ``opentelemetry-instrument postings worker`` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any


def trace_headers() -> dict[str, str]:
    """Message headers that carry the context of the current span (W3C ``traceparent``)."""
    headers: dict[str, str] = {}
    with suppress(ImportError):
        from opentelemetry import propagate

        propagate.inject(headers)
    return headers


@contextmanager
def span(name: str, headers: Mapping[str, Any] | None = None, **attributes: str | int) -> Iterator[None]:
    """A span around a block.

    Args:
        name: the span's name, for example ``postings.batch``.
        headers: the headers of the message that led here; by default the parent is the current span.
        attributes: the span's attributes.
    """
    try:
        from opentelemetry import propagate, trace
    except ImportError:
        yield
        return
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        yield  # nobody has set up a provider, so nobody would see the span
        return
    context = propagate.extract(dict(headers)) if headers else None
    with trace.get_tracer("postings").start_as_current_span(name, context, attributes=attributes):
        yield
