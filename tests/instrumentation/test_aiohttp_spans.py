"""What leaves the process with aiohttp requests: no secret in metrics, spans and logs, no trace header to the site."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor as LibraryInstrumentor
from yarl import URL

from phoenix_otel.demo.proxies import STEADY, ForwardProxy
from phoenix_otel.instrumentation.aiohttp_client import AiohttpClientInstrumentor
from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.http_numbers import Spans, everything, propagated, requests, something_to_propagate
from tests.instrumentation.http_origin import PAGE, closed_port, origin_running

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _off() -> Iterator[None]:
    yield
    for instrumentor in (AiohttpClientInstrumentor(), LibraryInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


@pytest.fixture
def spans() -> Spans:
    return Spans()


async def get(url: str, **options: Any) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url, **options) as response:
        return await response.read()


async def test_a_span_tells_what_happened(recorded: RecordedMetrics, spans: Spans) -> None:
    async with origin_running() as origin, ForwardProxy("proxy-9", STEADY, "scraper", "right").running() as proxy:
        AiohttpClientInstrumentor().instrument(collector=recorded.collector, tracer_provider=spans.provider)
        with spans.provider.get_tracer("test").start_as_current_span("scrape") as parent:
            await get(f"{origin.url}/moved")
            await get(f"{origin.url}/page", proxy=f"http://{proxy.proxy_id}")
    direct, through = spans.finished()[:2]
    assert direct.parent is not None
    assert direct.parent.span_id == parent.get_span_context().span_id
    assert direct.kind is trace.SpanKind.CLIENT
    attributes = dict(direct.attributes or {})
    assert attributes["http.request.method"] == "GET"
    assert attributes["http.response.status_code"] == 200
    assert attributes["http.request.resend_count"] == 1
    assert attributes["url.full"] == f"{origin.url}/moved"
    assert dict(through.attributes or {})["proxy_id"] == proxy.proxy_id
    assert dict(through.attributes or {})["http.response.status_code"] == 407


@pytest.mark.filterwarnings("ignore:The 'proxy_auth' parameter is deprecated", "ignore:BasicAuth is deprecated")
async def test_no_secret_gets_anywhere(
    recorded: RecordedMetrics, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    closed = await closed_port()
    proxy = ForwardProxy("proxy-9", STEADY, "scraper", "right")
    async with origin_running() as origin, proxy.running():
        AiohttpClientInstrumentor().instrument(collector=recorded.collector, tracer_provider=spans.provider)
        in_url = f"http://scraper:{SECRET}@{proxy.proxy_id}"
        with_auth = {"proxy": f"http://{proxy.proxy_id}", "proxy_auth": aiohttp.BasicAuth("scraper", SECRET)}
        with caplog.at_level(logging.DEBUG, logger="phoenix_otel"):
            await get(f"{origin.url}/page?token={SECRET}&q={SECRET}#{SECRET}")
            await get(origin.url.replace("http://", f"http://me:{SECRET}@") + "/page")
            await get(f"{origin.url}/page", proxy=in_url)
            await get(f"{origin.url}/page", **with_auth)
            for options in ({"proxy": in_url}, with_auth):
                with pytest.raises(aiohttp.ClientHttpProxyError):
                    await get(f"https://localhost:9/page?token={SECRET}", **options)
            with pytest.raises(aiohttp.ClientProxyConnectionError):
                await get(f"{origin.url}/page?token={SECRET}", proxy=f"http://scraper:{SECRET}@127.0.0.1:{closed}")
            with pytest.raises(aiohttp.InvalidURL):
                await get(f"http://me:{SECRET}@")
    assert len(spans.finished()) == 7
    assert {event.name for span in spans.finished() for event in span.events} == {"exception"}
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("phoenix_otel")]
    assert SECRET not in everything(recorded)
    assert SECRET not in spans.everything()
    assert SECRET not in "".join(ours)


async def test_captured_headers_keep_their_secrets(
    recorded: RecordedMetrics, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", ".*")
    async with origin_running() as origin:
        AiohttpClientInstrumentor().instrument(collector=recorded.collector, tracer_provider=spans.provider)
        sent = {"Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}", "X-Api-Key": SECRET}
        await get(f"{origin.url}/page", headers=sent)
    assert SECRET not in spans.everything()


@pytest.mark.parametrize(
    ("options", "arrived"), [({}, set()), ({"propagate": True}, {"traceparent", "baggage"})], ids=["off", "asked for"]
)
async def test_propagation(
    options: dict[str, Any],
    arrived: set[str],
    recorded: RecordedMetrics,
    spans: Spans,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with origin_running() as origin:
        AiohttpClientInstrumentor().instrument(collector=recorded.collector, tracer_provider=spans.provider, **options)
        with something_to_propagate(monkeypatch), spans.provider.get_tracer("test").start_as_current_span("scrape"):
            await get(f"{origin.url}/moved", headers={"X-Own": "stays"})
        assert [propagated(headers) for headers in origin.headers] == [arrived, arrived]
        assert [headers["X-Own"] for headers in origin.headers] == ["stays", "stays"]


async def test_hooks_see_the_span_and_what_is_really_sent(recorded: RecordedMetrics, spans: Spans) -> None:
    def request_hook(span: trace.Span, params: aiohttp.TraceRequestStartParams) -> None:
        span.update_name("page")
        params.headers["X-Added"] = "by hook"

    def response_hook(span: trace.Span, params: aiohttp.TraceRequestEndParams) -> None:
        span.set_attribute("answer", f"token={SECRET} {params.response.status}")

    async with origin_running() as origin:
        AiohttpClientInstrumentor().instrument(
            collector=recorded.collector,
            tracer_provider=spans.provider,
            url_filter=lambda url: str(url.with_path("/hidden")),
            request_hook=request_hook,
            response_hook=response_hook,
        )
        await get(f"{origin.url}/page")
        assert origin.headers[0]["X-Added"] == "by hook"
    assert spans.finished()[0].name == "page"
    assert spans.attributes()[0]["answer"] == "token=REDACTED 200"
    assert spans.attributes()[0]["url.full"] == f"{origin.url}/hidden"


@pytest.mark.usefixtures("production")
async def test_raising_hooks_and_filters_fail_no_request(
    recorded: RecordedMetrics, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> str:
        raise RuntimeError(SECRET)

    before = recorded.collector.guard.errors
    async with origin_running() as origin:
        AiohttpClientInstrumentor().instrument(
            collector=recorded.collector,
            tracer_provider=spans.provider,
            url_filter=fail,
            request_hook=fail,
            response_hook=fail,
        )
        for _ in range(2):
            assert await get(f"{origin.url}/page?token={SECRET}") == PAGE
        port = await closed_port()
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(f"http://127.0.0.1:{port}")
    assert recorded.collector.guard.errors - before == 3 * 3
    assert len(spans.finished()) == 3
    assert SECRET not in spans.everything() + caplog.text
    assert requests(recorded) == {("200", ""): 2, ("", "ClientConnectorError"): 1}


async def test_without_a_tracer_provider_the_library_is_not_asked(
    recorded: RecordedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[URL] = []

    def url_filter(url: URL) -> str:
        called.append(url)
        return str(url)

    spans = Spans()
    async with origin_running() as origin:
        AiohttpClientInstrumentor().instrument(collector=recorded.collector, url_filter=url_filter)
        await get(f"{origin.url}/page")
        assert called == []
        trace.set_tracer_provider(spans.provider)
        await get(f"{origin.url}/page")
        assert len(called) == len(spans.finished()) == 1
        AiohttpClientInstrumentor().uninstrument()
        await get(f"{origin.url}/page")
        assert len(spans.finished()) == 1


async def test_the_library_instrumented_by_its_user_makes_its_own_spans(
    recorded: RecordedMetrics, spans: Spans
) -> None:
    async with origin_running() as origin:
        AiohttpClientInstrumentor().instrument(collector=recorded.collector, tracer_provider=spans.provider)
        LibraryInstrumentor().instrument(tracer_provider=spans.provider)
        await get(f"{origin.url}/page")
        LibraryInstrumentor().uninstrument()
        assert len(spans.finished()) == 1
        assert requests(recorded) == {("200", ""): 1}
        await get(f"{origin.url}/page")
    assert len(spans.finished()) == 2
    assert requests(recorded) == {("200", ""): 2}
