"""What the pages of a browser ask for and get, by Playwright's own events."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Error
from playwright.async_api import Page as AsyncPage

from phoenix_otel.instrumentation.http_exchange import Recording

_ERROR_CODE: Final = re.compile(r"(?:net::)?[A-Z][A-Z0-9_]+")
"""Chromium's and Firefox's; WebKit tells in words, which may hold anything."""
_FAILED: Final = "failed"


class Pages:
    """Listens to pages; a navigation is an HTTP request like any other, what it loads is counted by kind.

    A navigation that failed has no time: it is in http.client.browser.requests alone.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._guard = recording.collector.guard

    def attach(self, page: Any) -> None:
        """Listen to this page, and to the pages that it opens."""
        with self._guard.section("listening to a page"):
            is_async = isinstance(page, AsyncPage)
            page.on("response", self._guarded(self._answered))
            page.on("requestfailed", self._guarded(self._failed))
            page.on("requestfinished", self._guarded(self._finished))
            page.on("requestfinished", self._measure_async if is_async else self._measure)
            page.on("popup", self.attach)

    def _guarded(self, receiver: Callable[[Any, str], None]) -> Callable[[Any], None]:
        def receive(event: Any) -> None:
            if not self._recording.active:
                return
            with self._guard.section("watching a page"):
                if host := _host(event.url):
                    receiver(event, host)

        return receive

    def _answered(self, response: Any, host: str) -> None:
        request = response.request
        if request.is_navigation_request():
            seconds = max(0.0, request.timing["responseStart"] / 1000)
            self._recording.collector.http_client.record_request(request.method, host, response.status, "", seconds)

    def _failed(self, request: Any, host: str) -> None:
        found = _ERROR_CODE.match(request.failure or "")
        reason = found[0] if found else _FAILED
        self._recording.collector.http_client.record_browser_request(request.resource_type, host, reason)

    def _finished(self, request: Any, host: str) -> None:
        self._recording.collector.http_client.record_browser_request(request.resource_type, host, "")

    async def _measure_async(self, request: Any) -> None:
        """Ask the browser for the size of a body; a page that was closed meanwhile has taken it along."""
        if self._recording.active and _host(request.url):
            try:
                self._measured(request, await request.response(), await request.sizes())
            except Error:
                pass

    def _measure(self, request: Any) -> None:
        if self._recording.active and _host(request.url):
            try:
                self._measured(request, request.response(), request.sizes())
            except Error:
                pass

    def _measured(self, request: Any, response: Any, sizes: Any) -> None:
        with self._guard.section("measuring a page"):
            host, size = _host(request.url), max(0, sizes["responseBodySize"])
            recorder = self._recording.collector.http_client
            recorder.record_browser_received(request.resource_type, host, size)
            if response is not None and request.is_navigation_request():
                labels = (request.method, host, response.status, "")
                recorder.record_body_size(*labels, size)
                recorder.record_body_time(*labels, max(0.0, request.timing["responseEnd"] / 1000))


def _host(url: str) -> str:
    """Return the host of a web address; empty for data:, blob: and the like, which go over no network."""
    address = urlsplit(url)
    return address.hostname or "" if address.scheme in ("http", "https") else ""
