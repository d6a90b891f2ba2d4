"""Instrumentation of aiohttp's client: requests, bodies, connections and proxies, and spans where tracing is on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar, Final

import aiohttp
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from phoenix_otel.instrumentation.aiohttp_spans import Spans
from phoenix_otel.instrumentation.aiohttp_watching import Watching
from phoenix_otel.instrumentation.http_exchange import Recording, begin_recording
from phoenix_otel.instrumentation.patches import Patches

_SPAN_OPTIONS: Final = ("tracer_provider", "url_filter", "request_hook", "response_hook", "propagate")


class AiohttpClientInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Sees the requests of every aiohttp.ClientSession that is made while it is on; earlier sessions are not seen.

    instrument() takes `collector`, by default the process's; `tracer_provider`, by default the program's; `url_filter`
    (URL to the text that spans show), `request_hook` and `response_hook` (span, aiohttp's trace parameters), and
    `propagate=True` to send trace headers and baggage to the sites that are scraped.
    """

    _patches: ClassVar = Patches()  # the base class keeps one object, whose __init__ runs at every call
    _recording: Recording | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the versions of aiohttp that this works with."""
        return ("aiohttp >= 3.10, < 4",)

    def _instrument(self, **kwargs: Any) -> None:
        options = {name: kwargs[name] for name in _SPAN_OPTIONS if kwargs.get(name) is not None}
        recording = begin_recording(kwargs.get("collector"))
        watching = Watching(recording, Spans(recording.collector.guard, **options))

        def init(wrapped: Any, _: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
            if recording.active:
                given = {**given, "trace_configs": [*(given.get("trace_configs") or ()), watching.trace_config]}
            return wrapped(*args, **given)

        self._patches.wrap(aiohttp.ClientSession, "__init__", init)
        self._patches.wrap(aiohttp.BaseConnector, "connect", watching.connect)
        self._patches.wrap(aiohttp.ClientResponse, "start", watching.start)
        recording.collector.proxy_feed.client_reports(self, True)
        self._recording = recording

    def _uninstrument(self, **kwargs: Any) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.active = False
            recording.collector.proxy_feed.client_reports(self, False)
        self._patches.undo()
