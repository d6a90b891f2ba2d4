"""aiohttp's trace signals, connector and responses, turned into attempts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakKeyDictionary

import aiohttp
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.util.http import get_excluded_urls

from phoenix_otel.instrumentation.aiohttp_attempts import Attempt
from phoenix_otel.instrumentation.aiohttp_spans import Spans
from phoenix_otel.instrumentation.http_exchange import Recording, Target, host_port


class RequestContext(SimpleNamespace):
    """One request of a session, with its attempts; what aiohttp hands to every signal of the request."""

    def __init__(self, spans: Any) -> None:
        super().__init__()
        self.spans = spans
        self.watched = False
        self.attempts = 0
        self.redirected = False
        self.attempt: Attempt | None = None
        self.lookup_started = 0.0


class Watching:
    """Watches every request of the sessions that carry its `trace_config`."""

    def __init__(self, recording: Recording, spans: Spans) -> None:
        self.recording = recording
        self._collector = recording.collector
        self._guard = recording.collector.guard
        self._spans = spans
        self._excluded = get_excluded_urls("AIOHTTP_CLIENT")
        self._attempts: WeakKeyDictionary[aiohttp.connector.Connection, Attempt] = WeakKeyDictionary()
        self.trace_config = self._make_trace_config()

    def _make_trace_config(self) -> aiohttp.TraceConfig:
        config = aiohttp.TraceConfig(trace_config_ctx_factory=cast(type[SimpleNamespace], self._new_context))
        signals: Sequence[tuple[Any, Callable[[RequestContext, Any], None]]] = (
            (config.on_request_start, self._started),
            (config.on_request_redirect, self._redirected),
            (config.on_connection_create_start, self._connecting),
            (config.on_connection_create_end, lambda context, _: self._connected(context, reused=False)),
            (config.on_connection_reuseconn, lambda context, _: self._connected(context, reused=True)),
            (config.on_dns_resolvehost_start, self._lookup_started),
            (config.on_dns_resolvehost_end, self._lookup_ended),
        )
        for signal, receiver in signals:
            signal.append(self._guarded(receiver))
        config.on_request_start.append(self._start_span)
        config.on_request_end.append(self._end_span)
        config.on_request_exception.append(self._fail_span)
        return config

    def _guarded(self, receiver: Callable[[RequestContext, Any], None]) -> Any:
        async def receive(_: aiohttp.ClientSession, context: RequestContext, params: Any) -> None:
            if not self.recording.active:
                return
            try:
                receiver(context, params)
            except Exception as error:
                self._guard.caught("watching an aiohttp request", error)

        return receive

    def _new_context(self, trace_request_ctx: Any = None) -> RequestContext:
        return RequestContext(self._spans.new_context(trace_request_ctx))

    def _started(self, context: RequestContext, params: aiohttp.TraceRequestStartParams) -> None:
        self._collector.watch_loop()
        context.watched = is_http_instrumentation_enabled() and not self._excluded.url_disabled(str(params.url))

    def _redirected(self, context: RequestContext, _: aiohttp.TraceRequestRedirectParams) -> None:
        context.redirected = True

    def _connecting(self, context: RequestContext, _: Any) -> None:
        if context.attempt is not None:
            context.attempt.connecting()

    def _connected(self, context: RequestContext, *, reused: bool) -> None:
        if context.attempt is not None:
            context.attempt.connected(reused=reused)

    def _lookup_started(self, context: RequestContext, _: aiohttp.TraceDnsResolveHostStartParams) -> None:
        context.lookup_started = time.perf_counter()

    def _lookup_ended(self, context: RequestContext, params: aiohttp.TraceDnsResolveHostEndParams) -> None:
        if context.watched:
            seconds = time.perf_counter() - context.lookup_started
            self._collector.http_client.record_dns_lookup(params.host, seconds)

    async def _start_span(self, session: aiohttp.ClientSession, context: Any, params: Any) -> None:
        if self.recording.active and context.watched:
            await self._spans.start(session, context.spans, params)

    async def _end_span(self, session: aiohttp.ClientSession, context: Any, params: Any) -> None:
        self._describe(context)
        await self._spans.end(session, context.spans, params)

    async def _fail_span(self, session: aiohttp.ClientSession, context: Any, params: Any) -> None:
        self._describe(context)
        await self._spans.fail(session, context.spans, params)

    def _describe(self, context: RequestContext) -> None:
        with self._guard.section("describing an HTTP span"):
            proxy_id = context.attempt.target.proxy_id if context.attempt is not None else ""
            self._spans.describe(context.spans, resends=context.attempts - 1, proxy_id=proxy_id)

    async def connect(self, wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Wrap BaseConnector.connect: every attempt passes here, and here its proxy is known."""
        attempt = self._begin(args, kwargs)
        if attempt is None:
            return await wrapped(*args, **kwargs)
        try:
            connection = await wrapped(*args, **kwargs)
        except BaseException as error:
            with self._guard.section("watching an aiohttp connection"):
                attempt.failed(error)
            raise
        with self._guard.section("watching an aiohttp connection"):
            self._attempts[connection] = attempt
            connection.add_callback(attempt.released)
        return connection

    async def start(self, wrapped: Any, response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Wrap ClientResponse.start, which reads the answer's headers."""
        attempt: Attempt | None = None
        with self._guard.section("watching an aiohttp answer"):
            attempt = self._attempts.pop(args[0] if args else kwargs["connection"], None)
        if attempt is None:
            return await wrapped(*args, **kwargs)
        attempt.awaiting_answer()
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            with self._guard.section("watching an aiohttp answer"):
                attempt.failed(error)
            raise
        with self._guard.section("watching an aiohttp answer"):
            attempt.answered(response)
        return result

    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt | None:
        if not self.recording.active:
            return None
        try:
            request = args[0] if args else kwargs["req"]
            context = self._context_of(args[1] if len(args) > 1 else kwargs["traces"])
            if context is None or not context.watched:
                return None
            return self._new_attempt(context, request)
        except Exception as error:
            self._guard.caught("watching an aiohttp connection", error)
            return None

    def _context_of(self, traces: Any) -> RequestContext | None:
        for trace in traces:
            if trace._trace_config is self.trace_config:
                return cast(RequestContext, trace._trace_config_ctx)
        return None

    def _new_attempt(self, context: RequestContext, request: aiohttp.ClientRequest) -> Attempt:
        host = request.url.host or ""
        if context.attempts:
            cause = "redirect" if context.redirected else "retry"
            self._collector.http_client.record_resend(request.method, host, cause)
        context.attempts += 1
        context.redirected = False
        proxy = request.proxy
        proxy_id = host_port(proxy.host or "", proxy.port) if proxy else ""
        target = Target(request.method, host, proxy_id, tunnelled=bool(proxy) and request.is_ssl())
        context.attempt = Attempt(self.recording, target)
        return context.attempt
