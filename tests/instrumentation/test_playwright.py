"""Playwright with a real browser against a real server."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import Any, Final

import pytest

if os.environ.get("PHOENIX_OTEL_REQUIRE_STACK") != "1":
    pytest.importorskip("playwright", reason="pip install playwright")

from playwright import async_api, sync_api

from phoenix_otel.instrumentation.playwright import PlaywrightInstrumentor
from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.http_numbers import bodies, everything, requests
from tests.instrumentation.http_origin import PACKED, PAGE, Origin, closed_port, origin_running

REQUIRED: Final = os.environ.get("PHOENIX_OTEL_REQUIRE_STACK") == "1"
CHROMIUM: Final = shutil.which("chromium")
LAUNCH: Final[dict[str, Any]] = {
    "executable_path": CHROMIUM,
    "args": ["--no-sandbox", "--disable-background-networking"],
}
PATIENCE: Final = 15.0

pytestmark = pytest.mark.skipif(CHROMIUM is None and not REQUIRED, reason="no browser: apt-get install chromium")


@pytest.fixture(autouse=True)
def _off() -> Iterator[None]:
    yield
    if PlaywrightInstrumentor().is_instrumented_by_opentelemetry:
        PlaywrightInstrumentor().uninstrument()


@asynccontextmanager
async def browser_running() -> AsyncIterator[async_api.Browser]:
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(**LAUNCH)
        yield browser
        await browser.close()


def by_reason(recorded: RecordedMetrics) -> dict[tuple[str, str], float]:
    """(resource type, error) -> requests of pages; browsers ask for an icon whenever they like."""
    found: dict[tuple[str, str], float] = {}
    for sample in recorded.samples("http_client_browser_requests_total"):
        key = sample.labels["resource_type"], sample.labels["error_type"]
        found[key] = found.get(key, 0) + sample.value
    return found


def waiting_for(recorded: RecordedMetrics, resource_type: str, size: int) -> Iterator[int]:
    """Yield milliseconds to wait, until so many bytes are counted: the browser is asked for them after the page."""
    deadline = time.monotonic() + PATIENCE
    while recorded.value("http_client_browser_received_bytes_total", resource_type=resource_type) != size:
        assert time.monotonic() < deadline, everything(recorded)
        yield 10


async def received(recorded: RecordedMetrics, resource_type: str, size: int) -> None:
    for milliseconds in waiting_for(recorded, resource_type, size):
        await asyncio.sleep(milliseconds / 1000)


async def test_navigations_and_what_pages_load(recorded: RecordedMetrics) -> None:
    port = await closed_port()
    async with origin_running() as origin, browser_running() as browser:
        PlaywrightInstrumentor().instrument(collector=recorded.collector)
        page = await browser.new_page()
        await page.goto(f"{origin.url}/html?closed_port={port}", wait_until="load")
        await page.goto(f"{origin.url}/status/404")
        assert origin.paths["/html"] == origin.paths["/script.js"] == origin.paths["/status/404"] == 1
        await received(recorded, "script", len("// nothing"))
    assert requests(recorded) == {("200", ""): 1, ("404", ""): 1}
    found = by_reason(recorded)
    assert (found["document", ""], found["script", ""]) == (2, 1)
    assert found["script", "net::ERR_CONNECTION_REFUSED"] == 1
    labels = {"http_request_method": "GET", "server_address": "127.0.0.1", "http_response_status_code": "404"}
    assert recorded.value("http_client_request_duration_seconds_count", **labels) == 1


async def test_bytes_of_navigations_as_they_travel(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin, browser_running() as browser:
        PlaywrightInstrumentor().instrument(collector=recorded.collector)
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{origin.url}/packed")
        await page.goto(f"{origin.url}/moved")
        await received(recorded, "document", len(PACKED) + len(PAGE) + len("moved"))
    assert requests(recorded) == {("200", ""): 2, ("302", ""): 1}
    assert bodies(recorded)["200", ""] == len(PACKED) + len(PAGE)


async def test_failed_navigations_and_popups(recorded: RecordedMetrics) -> None:
    port = await closed_port()
    async with origin_running() as origin, browser_running() as browser:
        PlaywrightInstrumentor().instrument(collector=recorded.collector)
        with pytest.raises(async_api.Error, match="ERR_CONNECTION_REFUSED"):
            await (await browser.new_page()).goto(f"http://127.0.0.1:{port}/?token=hunter2")
        page = await browser.new_page()
        await page.goto(f"{origin.url}/page")
        async with page.expect_popup() as opening:
            await page.evaluate("url => { window.open(url) }", f"{origin.url}/page")
        popup = await opening.value
        await popup.wait_for_load_state()
        await received(recorded, "document", 2 * len(PAGE))
    found = by_reason(recorded)
    assert found["document", "net::ERR_CONNECTION_REFUSED"] == 1
    assert found["document", ""] == 2
    assert "hunter2" not in everything(recorded)


async def test_on_and_off_and_on_again(recorded: RecordedMetrics, caplog: pytest.LogCaptureFixture) -> None:
    originals = async_api.Browser.new_page, async_api.BrowserContext.new_page, sync_api.Browser.new_page
    async with origin_running() as origin, browser_running() as browser:
        url = f"{origin.url}/page"
        PlaywrightInstrumentor().instrument(collector=recorded.collector)
        PlaywrightInstrumentor().instrument(collector=recorded.collector)
        assert "already instrumented" in caplog.text
        page = await browser.new_page()
        await page.goto(url)
        await received(recorded, "document", len(PAGE))

        PlaywrightInstrumentor().uninstrument()
        before = everything(recorded)
        await page.goto(url)
        await (await browser.new_page()).goto(url)
        assert everything(recorded) == before
        assert (async_api.Browser.new_page, async_api.BrowserContext.new_page, sync_api.Browser.new_page) == originals

        PlaywrightInstrumentor().instrument(collector=recorded.collector)
        await (await browser.new_page()).goto(url)
        await received(recorded, "document", 2 * len(PAGE))
    assert requests(recorded) == {("200", ""): 2}


@contextmanager
def origin_in_a_thread() -> Iterator[Origin]:
    """Serve while the block runs; Playwright's synchronous interface has a loop of its own in this thread."""
    started: Future[Origin] = Future()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with origin_running() as origin:
            started.set_result(origin)
            await stop.wait()

    thread = Thread(target=_run, args=(loop, serve()))
    thread.start()
    try:
        yield started.result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)


def _run(loop: asyncio.AbstractEventLoop, work: Any) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


def test_the_synchronous_interface(recorded: RecordedMetrics) -> None:
    with origin_in_a_thread() as origin, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(**LAUNCH)
        PlaywrightInstrumentor().instrument(collector=recorded.collector)
        page = browser.new_page()
        page.goto(f"{origin.url}/packed")
        page.goto(f"{origin.url}/page")
        for milliseconds in waiting_for(recorded, "document", len(PACKED) + len(PAGE)):
            page.wait_for_timeout(milliseconds)
        browser.close()
    assert requests(recorded) == {("200", ""): 2}
    assert by_reason(recorded)["document", ""] == 2
