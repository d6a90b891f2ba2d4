"""Spans of MongoDB commands, by opentelemetry-instrumentation-pymongo, without what it lets through."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.pymongo import CommandTracer, PymongoInstrumentor
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider, Span, Status, StatusCode, TracerProvider
from pymongo.monitoring import CommandFailedEvent, CommandStartedEvent, CommandSucceededEvent

from phoenix_otel._version import __version__


class CommandSpans:
    """One span for each command: operation, database, collection, address; no statement and no error message.

    It stays silent while opentelemetry-instrumentation-pymongo is switched on itself, which makes the same spans.
    """

    def __init__(self, provider: TracerProvider) -> None:
        tracer = provider.get_tracer("phoenix_otel.instrumentation.pymongo", __version__)
        self._tracer = CommandTracer(tracer, failed_hook=_without_message, capture_statement=False)

    def started(self, event: CommandStartedEvent) -> None:
        """Start a span as a child of the current one."""
        if not PymongoInstrumentor().is_instrumented_by_opentelemetry:
            self._tracer.started(event)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """End the span."""
        self._tracer.succeeded(event)

    def failed(self, event: CommandFailedEvent) -> None:
        """End the span with an error."""
        self._tracer.failed(event)


def command_spans(given: TracerProvider | None) -> CommandSpans | None:
    """Return what makes spans, if the program has a tracer provider that does something; it costs nothing if not."""
    provider = given if given is not None else trace.get_tracer_provider()
    if isinstance(provider, ProxyTracerProvider | NoOpTracerProvider):
        return None
    return CommandSpans(provider)


def _without_message(span: Span, event: CommandFailedEvent) -> None:
    """Replace the status: messages about duplicate keys hold the values of documents."""
    failure: Any = event.failure
    span.set_status(Status(StatusCode.ERROR, str(failure.get("codeName") or failure.get("errtype") or "Error")))
