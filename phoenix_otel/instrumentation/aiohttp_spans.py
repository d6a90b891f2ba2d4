"""Spans of aiohttp requests, by opentelemetry-instrumentation-aiohttp-client, made unable to hurt a request."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
from multidict import CIMultiDict
from opentelemetry import trace
from opentelemetry.instrumentation._semconv import _StabilityMode
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor, create_trace_config
from opentelemetry.metrics import NoOpMeterProvider
from yarl import URL

from phoenix_otel import redaction
from phoenix_otel._guard import Guard
from phoenix_otel.instrumentation.scrubbed_spans import ScrubbingTracerProvider, is_tracing

UrlFilter = Callable[[URL], str]
Hook = Callable[[trace.Span, Any], None]


class _Headers(CIMultiDict[str]):
    """A copy that the library may write propagation headers into; `sent` are those that the site receives."""

    def __init__(self, sent: CIMultiDict[str]) -> None:
        super().__init__(sent)
        self.sent = sent


class Spans:
    """The library's trace configuration behind a guard: no error of it, or of the user's callbacks, leaves here.

    Its meter is a dummy: http.client.request.duration is recorded with a fixed set of labels and bounded hosts
    elsewhere. Nothing is done while there is no tracer provider, unless propagation was asked for.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        url_filter: UrlFilter | None = None,
        request_hook: Hook | None = None,
        response_hook: Hook | None = None,
        propagate: bool = False,
    ) -> None:
        self._guard = guard
        self._provider = tracer_provider
        self._url_filter = url_filter
        self._propagate = propagate
        self._library = create_trace_config(
            url_filter=self._clean_url,
            request_hook=self._guarded(request_hook),
            response_hook=self._guarded(response_hook),
            tracer_provider=ScrubbingTracerProvider(tracer_provider),
            meter_provider=NoOpMeterProvider(),
            sem_conv_opt_in_mode=_StabilityMode.HTTP,
        )
        self._library.freeze()

    def new_context(self, trace_request_ctx: Any) -> SimpleNamespace:
        """Return what the library keeps of one request."""
        return self._library.trace_config_ctx(trace_request_ctx=trace_request_ctx)

    async def start(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        """Start the span; propagation headers reach the site only if that was asked for."""
        if AioHttpClientInstrumentor().is_instrumented_by_opentelemetry:
            return  # it makes the same spans itself, as its user has set it up
        if not self._propagate and not is_tracing(self._provider):
            return
        headers = params.headers if self._propagate else _Headers(params.headers)
        try:
            told = aiohttp.TraceRequestStartParams(params.method, params.url, headers)
            await self._library.on_request_start.send(session, context, told)
        except Exception as error:
            self._guard.caught("starting an HTTP span", error)

    async def end(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        """End the span of a request that was answered, if one was started."""
        try:
            await self._library.on_request_end.send(session, context, params)
        except Exception as error:
            self._guard.caught("ending an HTTP span", error)

    async def fail(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams
    ) -> None:
        """End the span of a request that failed, if one was started."""
        try:
            await self._library.on_request_exception.send(session, context, params)
        except Exception as error:
            self._guard.caught("ending an HTTP span", error)

    def describe(self, context: SimpleNamespace, *, resends: int, proxy_id: str) -> None:
        """Put on the span what the library does not know."""
        span = context.span
        if span is None or not span.is_recording():
            return
        if resends > 0:
            span.set_attribute("http.request.resend_count", resends)
        if proxy_id:
            span.set_attribute("proxy_id", proxy_id)

    def _clean_url(self, url: URL) -> str:
        if self._url_filter is not None:
            try:
                return redaction.url(str(self._url_filter(url)))
            except Exception as error:
                self._guard.caught("url_filter", error)
        return redaction.url(str(url))

    def _guarded(self, hook: Hook | None) -> Hook | None:
        if hook is None:
            return None

        def call(span: trace.Span, params: Any) -> None:
            if isinstance(params.headers, _Headers):
                params = aiohttp.TraceRequestStartParams(params.method, params.url, params.headers.sent)
            try:
                hook(span, params)
            except Exception as error:
                self._guard.caught("a hook on HTTP requests", error)

        return call
