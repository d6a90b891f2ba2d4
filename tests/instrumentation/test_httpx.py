"""httpx against real servers and proxies: counts, secrets, propagation, on and off."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

if os.environ.get("PHOENIX_OTEL_REQUIRE_STACK") != "1":
    pytest.importorskip("httpx", reason="pip install httpx")
    pytest.importorskip("opentelemetry.instrumentation.httpx", reason="pip install opentelemetry-instrumentation-httpx")

import httpx
from opentelemetry.instrumentation import httpx as library
from opentelemetry.instrumentation._semconv import _OpenTelemetrySemanticConventionStability
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor as LibraryInstrumentor

from phoenix_otel.demo.proxies import STEADY, ForwardProxy
from phoenix_otel.instrumentation.httpx import HttpxInstrumentor
from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.http_numbers import (
    Spans,
    bodies,
    bodies_ended,
    everything,
    propagated,
    proxied,
    requests,
    something_to_propagate,
)
from tests.instrumentation.http_origin import BROKEN_AFTER, PACKED, PAGE, closed_port, origin_running

SECRET = "hunter2"
Get = Callable[..., Any]


@pytest.fixture(autouse=True)
def _off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # which conventions hold is decided once in a process, by whoever instruments first
    monkeypatch.setattr(_OpenTelemetrySemanticConventionStability, "_initialized", False)
    yield
    for instrumentor in (HttpxInstrumentor(), LibraryInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


async def get_async(url: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, **options) as client:
        return await client.get(url, headers=headers)


async def get_sync(url: str, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
    """The synchronous client, in a thread: the server runs in the loop."""

    def get() -> httpx.Response:
        with httpx.Client(trust_env=False, **options) as client:
            return client.get(url, headers=headers)

    return await asyncio.to_thread(get)


both = pytest.mark.parametrize("get", [get_async, get_sync], ids=["async", "sync"])


@both
async def test_requests_and_bytes(get: Get, recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        HttpxInstrumentor().instrument(collector=recorded.collector)
        assert (await get(f"{origin.url}/packed")).content == PAGE
        assert (await get(f"{origin.url}/moved", follow_redirects=True)).content == PAGE
        assert (await get(f"{origin.url}/status/404")).status_code == 404
        assert sum(origin.paths.values()) == 4
    assert requests(recorded) == {("200", ""): 2, ("302", ""): 1, ("404", ""): 1}
    assert bodies(recorded) == {("200", ""): len(PACKED) + len(PAGE), ("302", ""): 5, ("404", ""): 2}
    assert bodies_ended(recorded) == {("200", ""): 2, ("302", ""): 1, ("404", ""): 1}


@both
async def test_failures(get: Get, recorded: RecordedMetrics) -> None:
    port = await closed_port()
    async with origin_running() as origin:
        HttpxInstrumentor().instrument(collector=recorded.collector)
        with pytest.raises(httpx.ConnectError):
            await get(f"http://127.0.0.1:{port}")
        with pytest.raises(httpx.RemoteProtocolError):
            await get(f"{origin.url}/broken")
    assert requests(recorded) == {("", "ConnectError"): 1, ("200", ""): 1}
    assert bodies(recorded) == {("200", "RemoteProtocolError"): BROKEN_AFTER}


async def test_a_body_that_is_left_unread(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        HttpxInstrumentor().instrument(collector=recorded.collector)
        async with httpx.AsyncClient() as client, client.stream("GET", f"{origin.url}/hangs") as response:
            async for chunk in response.aiter_raw():
                assert chunk == PAGE
                break
    assert bodies(recorded) == {("200", ""): len(PAGE)}
    assert bodies_ended(recorded) == {}


@asynccontextmanager
async def forward_proxy() -> AsyncIterator[ForwardProxy]:
    async with ForwardProxy("proxy-9", STEADY, "scraper", "right").running() as proxy:
        yield proxy


@both
async def test_proxies(get: Get, recorded: RecordedMetrics) -> None:
    closed = await closed_port()
    async with origin_running() as origin, forward_proxy() as proxy:
        HttpxInstrumentor().instrument(collector=recorded.collector)
        url = f"{origin.url}/page"
        assert (await get(url, proxy=f"http://scraper:right@{proxy.proxy_id}")).content == PAGE
        assert (await get(url, proxy=f"http://scraper:wrong@{proxy.proxy_id}")).status_code == 407
        with pytest.raises(httpx.ProxyError):
            await get("https://localhost:9/page", proxy=f"http://scraper:wrong@{proxy.proxy_id}")
        with pytest.raises(httpx.ConnectError):
            await get(url, proxy=f"http://127.0.0.1:{closed}")
        assert proxy.outcomes() == {200: 1, 407: 2}
    assert proxied(recorded, proxy.proxy_id) == (1, 2)
    assert proxied(recorded, f"127.0.0.1:{closed}") == (0, 1)
    assert recorded.value("proxy_response_time_seconds_count", proxy_id=proxy.proxy_id) == 1


@both
async def test_no_secret_gets_anywhere(get: Get, recorded: RecordedMetrics, caplog: pytest.LogCaptureFixture) -> None:
    spans = Spans()
    closed = await closed_port()
    async with origin_running() as origin, forward_proxy() as proxy:
        HttpxInstrumentor().instrument(collector=recorded.collector, tracer_provider=spans.provider)
        with caplog.at_level(logging.DEBUG, logger="phoenix_otel"):
            await get(f"{origin.url}/page?token={SECRET}&q={SECRET}")
            await get(origin.url.replace("http://", f"http://me:{SECRET}@") + "/page")
            await get(f"{origin.url}/page?token={SECRET}", proxy=f"http://scraper:{SECRET}@{proxy.proxy_id}")
            with pytest.raises(httpx.ProxyError):
                await get("https://localhost:9/", proxy=f"http://scraper:{SECRET}@{proxy.proxy_id}")
            with pytest.raises(httpx.ConnectError):
                await get(f"http://127.0.0.1:{closed}/?token={SECRET}")
    assert len(spans.finished()) == 5
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("phoenix_otel")]
    assert SECRET not in everything(recorded) + spans.everything() + "".join(ours)


@both
@pytest.mark.parametrize(
    ("options", "arrived"), [({}, set()), ({"propagate": True}, {"traceparent", "baggage"})], ids=["off", "asked for"]
)
async def test_propagation(
    get: Get,
    options: dict[str, Any],
    arrived: set[str],
    recorded: RecordedMetrics,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spans = Spans()
    async with origin_running() as origin:
        HttpxInstrumentor().instrument(collector=recorded.collector, tracer_provider=spans.provider, **options)
        with something_to_propagate(monkeypatch), spans.provider.get_tracer("test").start_as_current_span("scrape"):
            await get(f"{origin.url}/page", headers={"X-Own": "stays"})
        assert propagated(origin.headers[0]) == arrived
        assert origin.headers[0]["X-Own"] == "stays"
    attributes = spans.attributes()[0]
    assert (attributes["http.request.method"], attributes["http.response.status_code"]) == ("GET", 200)


@pytest.mark.usefixtures("production")
@both
async def test_raising_hooks_fail_no_request(get: Get, recorded: RecordedMetrics) -> None:
    called: list[str] = []

    def fail(*_: Any) -> None:
        called.append(threading.current_thread().name)
        raise RuntimeError(SECRET)

    async def fail_async(*arguments: Any) -> None:
        fail(*arguments)

    async with origin_running() as origin:
        HttpxInstrumentor().instrument(
            collector=recorded.collector,
            tracer_provider=Spans().provider,
            request_hook=fail,
            response_hook=fail,
            async_request_hook=fail_async,
            async_response_hook=fail_async,
        )
        assert (await get(f"{origin.url}/page")).content == PAGE
    assert len(called) == 2
    assert requests(recorded) == {("200", ""): 1}


def what_is_wrapped() -> tuple[Any, ...]:
    inject = vars(library)["inject"]
    return httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request, inject


@both
async def test_on_and_off_and_on_again(get: Get, recorded: RecordedMetrics, caplog: pytest.LogCaptureFixture) -> None:
    originals = what_is_wrapped()
    spans = Spans()
    async with origin_running() as origin:
        url = f"{origin.url}/page"
        for round_number in (1, 2):
            HttpxInstrumentor().instrument(collector=recorded.collector, tracer_provider=spans.provider)
            HttpxInstrumentor().instrument(collector=recorded.collector)
            assert "already instrumented" in caplog.text
            await get(url)
            assert requests(recorded) == {("200", ""): round_number}
            assert len(spans.finished()) == round_number

            HttpxInstrumentor().uninstrument()
            before = everything(recorded)
            await get(url)
            assert everything(recorded) == before
            assert len(spans.finished()) == round_number
            assert what_is_wrapped() == originals


async def test_the_library_instrumented_by_its_user_is_left_alone(recorded: RecordedMetrics) -> None:
    spans = Spans()
    async with origin_running() as origin:
        LibraryInstrumentor().instrument(tracer_provider=spans.provider)
        HttpxInstrumentor().instrument(collector=recorded.collector)
        await get_async(f"{origin.url}/page")
        HttpxInstrumentor().uninstrument()
        assert LibraryInstrumentor().is_instrumented_by_opentelemetry
        await get_async(f"{origin.url}/page")
    assert len(spans.finished()) == 2
    assert requests(recorded) == {("200", ""): 1}
