"""Traces, only where they are asked for: spans of the scraper's calls, its HTTP and its database, as one tree."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from phoenix_otel.config import ConfigError, TelemetryConfig

_OTLP_MODULES: Final = {
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "grpc": "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
}


class CallAttributes(SpanProcessor):
    """Puts on each span what `attributes()` says of the scraper's request that it belongs to."""

    def __init__(self, attributes: Callable[[], Mapping[str, str | int]]) -> None:
        self._attributes = attributes

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Add the attributes as the span starts."""
        for name, value in self._attributes().items():
            span.set_attribute(name, value)


def build_tracing(
    config: TelemetryConfig, resource: Resource, attributes: Callable[[], Mapping[str, str | int]]
) -> TracerProvider | None:
    """Build a tracer provider if traces are wanted and the program has none; ConfigError if a package is missing."""
    wanted = [name for name in config.options.traces_exporters if name != "none"]
    if not wanted or isinstance(trace.get_tracer_provider(), TracerProvider):
        return None
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(CallAttributes(attributes))
    for name in wanted:
        exporter = ConsoleSpanExporter() if name == "console" else _otlp_exporter(config)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _otlp_exporter(config: TelemetryConfig) -> SpanExporter:
    options = config.options
    try:
        module = importlib.import_module(_OTLP_MODULES[options.otlp_protocol])
    except ImportError as error:
        raise ConfigError(
            "option traces_exporters: 'otlp' needs a package that is not installed: pip install 'phoenix-otel[otlp]'"
        ) from error
    endpoint: str | None = None
    if config.sources.get("otlp_endpoint", "environment").startswith(("argument", "file")):
        suffix = "" if options.otlp_protocol == "grpc" else "/v1/traces"
        endpoint = options.otlp_endpoint.removesuffix("/v1/metrics").rstrip("/") + suffix
    exporter: SpanExporter = module.OTLPSpanExporter(endpoint=endpoint, timeout=options.otlp_timeout)
    return exporter
