"""Spans of instrumentation libraries without the credentials and query values that these let through."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import wrapt
from opentelemetry import trace
from opentelemetry.trace import NoOpTracerProvider, ProxyTracerProvider, Span, Status, StatusCode
from opentelemetry.util._decorator import _agnosticcontextmanager

from phoenix_otel import redaction

_SECRET_HEADER: Final = re.compile(r"\.header\..*(auth|cookie|token|key|secret|session)", re.IGNORECASE)


def is_tracing(provider: trace.TracerProvider | None) -> bool:
    """Tell whether spans go anywhere: `provider`, or the program's, is a real one."""
    return not isinstance(provider or trace.get_tracer_provider(), ProxyTracerProvider | NoOpTracerProvider)


class ScrubbingTracerProvider(trace.TracerProvider):
    """Makes spans with another provider, by default the one that the program has when a span starts."""

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self._provider = provider

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> trace.Tracer:
        """Return a tracer whose spans are scrubbed."""
        scope = (instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        return _ScrubbingTracer(self._provider, scope)


class _ScrubbingTracer(trace.Tracer):
    def __init__(self, provider: trace.TracerProvider | None, scope: tuple[Any, ...]) -> None:
        self._given = provider
        self._scope = scope
        self._current: tuple[trace.TracerProvider, trace.Tracer] | None = None

    def start_span(self, name: str, *args: Any, **kwargs: Any) -> Span:
        """Start a span with scrubbed attributes."""
        kwargs["attributes"] = _attributes(kwargs.get("attributes") or {})
        span = self._tracer().start_span(name, *args, **kwargs)
        return cast(Span, _ScrubbedSpan(span)) if span.is_recording() else span

    @_agnosticcontextmanager
    def start_as_current_span(self, name: str, *args: Any, end_on_exit: bool = True, **kwargs: Any) -> Iterator[Span]:
        """Start a span with scrubbed attributes, current within the block."""
        on_error = {key: kwargs.get(key, True) for key in ("record_exception", "set_status_on_exception")}
        with trace.use_span(self.start_span(name, *args, **kwargs), end_on_exit=end_on_exit, **on_error) as span:
            yield span

    def _tracer(self) -> trace.Tracer:
        provider = self._given or trace.get_tracer_provider()
        if self._current is None or self._current[0] is not provider:
            self._current = provider, provider.get_tracer(*self._scope)
        return self._current[1]


class _ScrubbedSpan(wrapt.ObjectProxy):  # type: ignore[type-arg,misc,unused-ignore]
    """A span that cleans whatever is put on it; otherwise it is the span."""

    def set_attribute(self, key: str, value: Any) -> None:
        self.__wrapped__.set_attribute(key, _value(key, value))

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self.__wrapped__.set_attributes(_attributes(attributes))

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        self.__wrapped__.add_event(redaction.text(name), _attributes(attributes or {}), timestamp)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        told = {
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            **(attributes or {}),
        }
        self.__wrapped__.record_exception(exception, _attributes(told), timestamp, escaped)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        code = status.status_code if isinstance(status, Status) else status
        told = status.description if isinstance(status, Status) else description
        self.__wrapped__.set_status(code, redaction.text(told) if told else None)


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(key, value) for key, value in attributes.items()}


def _value(key: str, value: Any) -> Any:
    if _SECRET_HEADER.search(key):
        return redaction.REDACTED
    if isinstance(value, str):
        return redaction.text(value)
    if isinstance(value, list | tuple):
        return [_value(key, item) for item in value]
    return value
