"""Instrumentation of Playwright, its asynchronous and its synchronous interface."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from playwright import async_api, sync_api

from phoenix_otel.instrumentation.http_exchange import Recording, begin_recording
from phoenix_otel.instrumentation.patches import Patches
from phoenix_otel.instrumentation.playwright_pages import Pages


class PlaywrightInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Sees what pages load that are opened while it is on, by new_page or by other pages; no page is changed.

    instrument() takes `collector`, by default the process's.
    """

    _patches: ClassVar = Patches()  # the base class keeps one object, whose __init__ runs at every call
    _recording: Recording | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the versions of Playwright that this works with."""
        return ("playwright >= 1.40",)

    def _instrument(self, **kwargs: Any) -> None:
        self._recording = recording = begin_recording(kwargs.get("collector"))
        pages = Pages(recording)

        def opened(result: Any) -> Any:
            """Attach to a page, or to those that a persistent context begins with."""
            if recording.active:
                recording.collector.watch_loop()
                for page in getattr(result, "pages", (result,)):
                    pages.attach(page)
            return result

        async def opening_async(wrapped: Any, _: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
            return opened(await wrapped(*args, **given))

        def opening(wrapped: Any, _: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
            return opened(wrapped(*args, **given))

        for api, wrapper in ((async_api, opening_async), (sync_api, opening)):
            self._patches.wrap(api.Browser, "new_page", wrapper)
            self._patches.wrap(api.BrowserContext, "new_page", wrapper)
            self._patches.wrap(api.BrowserType, "launch_persistent_context", wrapper)

    def _uninstrument(self, **kwargs: Any) -> None:
        if self._recording is not None:
            self._recording.active = False
        self._patches.undo()
