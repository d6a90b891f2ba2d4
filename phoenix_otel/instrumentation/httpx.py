"""Instrumentation of httpx: requests, bodies and proxies, and spans by opentelemetry-instrumentation-httpx."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Collection
from typing import Any, ClassVar, Final

import httpx
from opentelemetry.instrumentation import httpx as library
from opentelemetry.instrumentation._semconv import OTEL_SEMCONV_STABILITY_OPT_IN
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.metrics import NoOpMeterProvider

from phoenix_otel._guard import Guard
from phoenix_otel.instrumentation.http_exchange import Recording, begin_recording
from phoenix_otel.instrumentation.httpx_exchanges import Exchanges
from phoenix_otel.instrumentation.patches import Patches
from phoenix_otel.instrumentation.scrubbed_spans import ScrubbingTracerProvider

_logger = logging.getLogger("phoenix_otel")


class HttpxInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Sees the requests of every httpx client that uses httpx's own transports, whenever it was made.

    instrument() takes `collector`, by default the process's; `tracer_provider`, by default the program's;
    `request_hook`, `response_hook`, `async_request_hook` and `async_response_hook` as the library does; and
    `propagate=True` to send trace headers and baggage to the sites that are scraped.
    """

    _patches: ClassVar = Patches()  # the base class keeps one object, whose __init__ runs at every call
    _recording: Recording | None = None
    _library: Any = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the versions of httpx that this works with."""
        return ("httpx >= 0.24",)

    def instrument(self, **kwargs: Any) -> None:
        """Switch it on; spans follow the stable HTTP conventions unless the environment says otherwise."""
        os.environ.setdefault(OTEL_SEMCONV_STABILITY_OPT_IN, "http")
        super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        recording = begin_recording(kwargs.get("collector"))
        exchanges = Exchanges(recording)
        self._patches.wrap(httpx.HTTPTransport, "handle_request", exchanges.handle)
        self._patches.wrap(httpx.AsyncHTTPTransport, "handle_async_request", exchanges.handle_async)
        if self._decide_propagation(recording, asked_for=bool(kwargs.get("propagate"))):
            self._make_spans(recording.collector.guard, kwargs)
        recording.collector.proxy_feed.client_reports(self, True)
        self._recording = recording

    def _decide_propagation(self, recording: Recording, *, asked_for: bool) -> bool:
        """Keep trace headers from the sites unless they are asked for; False if this library cannot be kept from it."""
        if asked_for:
            return True

        def inject(wrapped: Any, _: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
            if not recording.active:
                wrapped(*args, **given)

        try:
            self._patches.wrap(library, "inject", inject)
        except AttributeError:
            _logger.warning("phoenix_otel: no spans of httpx: this version of its instrumentation always propagates")
            return False
        return True

    def _make_spans(self, guard: Guard, options: dict[str, Any]) -> None:
        """Switch the library on, unless its user has done so."""
        spans = library.HTTPXClientInstrumentor()
        if not spans.is_instrumented_by_opentelemetry:
            hooks = {name: _guarded(options[name], guard) for name in _HOOKS if options.get(name) is not None}
            provider = ScrubbingTracerProvider(options.get("tracer_provider"))
            spans.instrument(tracer_provider=provider, meter_provider=NoOpMeterProvider(), **hooks)
            self._library = spans

    def _uninstrument(self, **kwargs: Any) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.active = False
            recording.collector.proxy_feed.client_reports(self, False)
        spans, self._library = self._library, None
        if spans is not None and spans.is_instrumented_by_opentelemetry:
            spans.uninstrument()
        self._patches.undo()


_HOOKS: Final = ("request_hook", "response_hook", "async_request_hook", "async_response_hook")


def _guarded(hook: Callable[..., Any], guard: Guard) -> Callable[..., Any]:
    """Keep what a hook raises away from the request; the library tells the two kinds of hooks apart by their type."""

    def call(*args: Any) -> None:
        try:
            hook(*args)
        except Exception as error:
            guard.caught("a hook on HTTP requests", error)

    async def call_async(*args: Any) -> None:
        try:
            await hook(*args)
        except Exception as error:
            guard.caught("a hook on HTTP requests", error)

    return call_async if inspect.iscoroutinefunction(hook) else call
