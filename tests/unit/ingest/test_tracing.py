"""Spans reach from the producer's process to the worker's."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from postings_ingest.tracing import span, trace_headers


def test_a_workers_span_belongs_to_the_producers() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    with provider.get_tracer("a service").start_as_current_span("request"):
        headers = trace_headers()
    assert "traceparent" in headers
    with span("postings.batch", headers, batch="1"), span("postings.encode", passages=3):
        pass
    request, encode, batch = exporter.get_finished_spans()
    assert [each.name for each in (request, encode, batch)] == ["request", "postings.encode", "postings.batch"]
    assert batch.parent is not None
    assert batch.parent.span_id == request.context.span_id
    assert encode.parent is not None
    assert encode.parent.span_id == batch.context.span_id
    assert dict(batch.attributes or {}) == {"batch": "1"}


def test_without_a_span_there_is_nothing_to_pass_on() -> None:
    assert trace_headers() == {}
    with span("postings.batch", {"task": "x", "id": None}):
        pass
