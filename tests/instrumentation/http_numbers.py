"""What was recorded of HTTP requests, in the form in which tests count it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import baggage, context, propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from phoenix_otel.testing import RecordedMetrics


def requests(recorded: RecordedMetrics) -> dict[tuple[str, str], float]:
    """(status code, error type) -> requests."""
    return _counts(recorded, "http_client_request_duration_seconds_count")


def bodies(recorded: RecordedMetrics) -> dict[tuple[str, str], float]:
    """(status code, error type) -> bytes of body."""
    return _counts(recorded, "http_client_response_body_size_bytes_sum")


def bodies_ended(recorded: RecordedMetrics) -> dict[tuple[str, str], float]:
    """(status code, error type) -> bodies that were read to their end, or broke."""
    return _counts(recorded, "http_client_request_time_to_body_seconds_count")


def proxied(recorded: RecordedMetrics, proxy_id: str) -> tuple[float, float]:
    """Requests through the proxy: those that succeeded, those that failed."""
    success, failed = (
        recorded.value("proxy_requests_total", proxy_id=proxy_id, status=status) for status in ("success", "failed")
    )
    return success, failed


def everything(recorded: RecordedMetrics) -> str:
    """All that a scrape would show, as text."""
    return "\n".join(str(sample) for family in recorded.families() for sample in family.samples)


def _counts(recorded: RecordedMetrics, name: str) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for sample in recorded.samples(name):
        key = sample.labels["http_response_status_code"], sample.labels["error_type"]
        found[key] = found.get(key, 0) + sample.value
    return found


class Spans:
    """A tracer provider that keeps its spans."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def finished(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def attributes(self) -> list[dict[str, Any]]:
        return [dict(span.attributes or {}) for span in self.finished()]

    def everything(self) -> str:
        return json.dumps([json.loads(span.to_json()) for span in self.finished()])


@contextmanager
def something_to_propagate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Baggage in the context, and the propagators that send it and the trace along."""
    both = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    monkeypatch.setattr(propagate, "propagator", both)
    token = context.attach(baggage.set_baggage("customer", "smith"))
    try:
        yield
    finally:
        context.detach(token)


def propagated(headers: dict[str, str]) -> set[str]:
    """The propagation headers among those that a server has received."""
    return {name.lower() for name in headers} & {"traceparent", "tracestate", "baggage"}
