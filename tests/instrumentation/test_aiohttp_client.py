"""The aiohttp client against real servers: every count is held against what these have seen."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp
import pytest

from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.aiohttp_watched import event_loop_turn, instrumented, read
from tests.instrumentation.http_numbers import bodies, bodies_ended, everything, requests
from tests.instrumentation.http_origin import PACKED, PAGE, closed_port, origin_running


async def test_a_request_is_counted_once_with_its_bytes(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                for _ in range(3):
                    assert await read(session, f"{origin.url}/page") == PAGE
        assert origin.paths["/page"] == 3
    assert requests(recorded) == {("200", ""): 3}
    assert bodies(recorded) == {("200", ""): 3 * len(PAGE)}
    assert bodies_ended(recorded) == {("200", ""): 3}
    labels = {"http_request_method": "GET", "server_address": "127.0.0.1", "http_response_status_code": "200"}
    assert recorded.value("http_client_request_duration_seconds_count", **labels) == 3


async def test_a_streamed_body_is_counted_like_any_other(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session, session.get(f"{origin.url}/page") as response:
                received = [chunk async for chunk in response.content.iter_chunked(64)]
    assert b"".join(received) == PAGE
    assert bodies(recorded) == {("200", ""): len(PAGE)}
    assert bodies_ended(recorded) == {("200", ""): 1}


async def test_bytes_are_counted_as_they_travel(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                assert await read(session, f"{origin.url}/packed") == PAGE
    assert bodies(recorded) == {("200", ""): len(PACKED)}


async def test_connections_look_ups_and_reuse(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                for _ in range(4):
                    await read(session, f"{origin.named}/page")
    host = {"server_address": "localhost", "proxy_id": ""}
    assert recorded.value("http_client_connections_total", reused="false", **host) == 1
    assert recorded.value("http_client_connections_total", reused="true", **host) == 3
    assert recorded.value("http_client_connection_create_time_seconds_count", **host) == 1
    assert recorded.value("dns_lookup_duration_seconds_count", dns_question_name="localhost") == 1
    look_up = recorded.value("dns_lookup_duration_seconds_sum")
    assert 0 < look_up <= recorded.value("http_client_connection_create_time_seconds_sum")


async def test_each_redirect_is_a_request_of_its_own(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                assert await read(session, f"{origin.url}/moved") == PAGE
        assert (origin.paths["/moved"], origin.paths["/page"]) == (1, 1)
    assert requests(recorded) == {("302", ""): 1, ("200", ""): 1}
    assert recorded.label_sets("http_client_request_resends_total") == {
        (("cause", "redirect"), ("http_request_method", "GET"), ("server_address", "127.0.0.1")): 1
    }


async def test_a_retry_by_middleware_is_a_request_of_its_own(recorded: RecordedMetrics) -> None:
    async def three_times(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        for _ in range(2):
            refused = await handler(request)
            assert refused.status == 500
            await refused.read()
        return await handler(request)

    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession(middlewares=(three_times,)) as session:
                await read(session, f"{origin.url}/status/500")
        assert origin.paths["/status/500"] == 3
    assert requests(recorded) == {("500", ""): 3}
    assert recorded.value("http_client_request_resends_total", cause="retry") == 2


async def test_raise_for_status_is_an_answer(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession(raise_for_status=True) as session:
                with pytest.raises(aiohttp.ClientResponseError):
                    await read(session, f"{origin.url}/status/404")
            await event_loop_turn()
    assert requests(recorded) == {("404", ""): 1}


async def test_a_refused_connection(recorded: RecordedMetrics) -> None:
    port = await closed_port()
    with instrumented(recorded):
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await read(session, f"http://127.0.0.1:{port}/page")
    assert requests(recorded) == {("", "ClientConnectorError"): 1}
    assert bodies(recorded) == {}


async def test_answers_without_a_body(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                async with session.head(f"{origin.url}/page") as response:
                    assert response.status == 200
                assert await read(session, f"{origin.url}/status/304") == b""
    assert bodies(recorded) == {("200", ""): 0, ("304", ""): 0}
    assert bodies_ended(recorded) == {("200", ""): 1, ("304", ""): 1}


async def test_many_at_once(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=7)) as session:
                paths = ["/page", "/packed", "/moved"] * 40
                await asyncio.gather(*(read(session, origin.url + path) for path in paths))
        assert sum(origin.paths.values()) == 160
    assert requests(recorded) == {("200", ""): 120, ("302", ""): 40}
    assert bodies(recorded)["200", ""] == 80 * len(PAGE) + 40 * len(PACKED)
    given = recorded.value("http_client_connections_total")
    assert given == 160
    assert recorded.value("http_client_connections_total", reused="false") <= 7 + 40


async def test_sessions_in_other_threads(recorded: RecordedMetrics) -> None:
    async def in_another_loop(url: str) -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(10):
                await read(session, url)

    async with origin_running() as origin:
        with instrumented(recorded):
            url = f"{origin.url}/page"
            await asyncio.gather(*(asyncio.to_thread(lambda: asyncio.run(in_another_loop(url))) for _ in range(4)))
    assert requests(recorded) == {("200", ""): 40}
    assert bodies(recorded) == {("200", ""): 40 * len(PAGE)}


async def test_a_web_socket(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session, session.ws_connect(f"{origin.url}/socket") as socket:
                assert await socket.receive_str() == "hello"
    assert requests(recorded) == {("101", ""): 1}


async def test_a_given_trace_config_stays_and_a_subclass_is_seen(recorded: RecordedMetrics) -> None:
    seen: list[str] = []
    own = aiohttp.TraceConfig()

    async def started(_: aiohttp.ClientSession, __: Any, params: aiohttp.TraceRequestStartParams) -> None:
        seen.append(params.url.path)

    own.on_request_start.append(started)
    given = [own]
    with pytest.warns(DeprecationWarning, match="Inheritance"):

        class Session(aiohttp.ClientSession):
            pass

    async with origin_running() as origin:
        with instrumented(recorded):
            async with Session(trace_configs=given) as session:
                await read(session, f"{origin.url}/page")
    assert (seen, given) == (["/page"], [own])
    assert requests(recorded) == {("200", ""): 1}


async def test_on_and_off_and_on_again(recorded: RecordedMetrics, caplog: pytest.LogCaptureFixture) -> None:
    originals = aiohttp.ClientSession.__init__, aiohttp.BaseConnector.connect, aiohttp.ClientResponse.start
    async with origin_running() as origin:
        url = f"{origin.url}/page"
        async with aiohttp.ClientSession() as earlier:
            with instrumented(recorded) as instrumentor:
                lasting = aiohttp.ClientSession()
                await read(earlier, url)
                assert requests(recorded) == {}
                await read(lasting, url)
                assert requests(recorded) == {("200", ""): 1}

                with caplog.at_level(logging.WARNING):
                    instrumentor.instrument(collector=recorded.collector)
                assert "already instrumented" in caplog.text
                async with aiohttp.ClientSession() as session:
                    await read(session, url)
                assert requests(recorded) == {("200", ""): 2}

            before = everything(recorded)
            async with aiohttp.ClientSession() as session:
                await read(session, url)
            await read(lasting, url)
            assert everything(recorded) == before
            now = aiohttp.ClientSession.__init__, aiohttp.BaseConnector.connect, aiohttp.ClientResponse.start
            assert now == originals

        with instrumented(recorded):
            await read(lasting, url)
            assert requests(recorded) == {("200", ""): 2}
            async with aiohttp.ClientSession() as session:
                await read(session, url)
            assert requests(recorded) == {("200", ""): 3}
        await lasting.close()


async def test_what_is_in_flight_when_it_ends_is_silent(recorded: RecordedMetrics) -> None:
    async with origin_running() as origin, aiohttp.ClientSession() as other:
        with instrumented(recorded):
            session = aiohttp.ClientSession()
            response = await session.get(f"{origin.url}/hangs")
            before = everything(recorded)
        await read(other, f"{origin.url}/page")
        origin.go_on.set()
        assert await response.read() == 2 * PAGE
        await session.close()
    assert everything(recorded) == before


async def test_excluded_urls_are_not_seen(recorded: RecordedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_AIOHTTP_CLIENT_EXCLUDED_URLS", "/status/.*")
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                await read(session, f"{origin.url}/status/204")
                await read(session, f"{origin.url}/page")
    assert requests(recorded) == {("200", ""): 1}


@pytest.mark.usefixtures("production")
async def test_our_own_errors_change_nothing(recorded: RecordedMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("ours")

    for name in ("record_request", "record_connection", "record_body_size", "record_resend"):
        monkeypatch.setattr(recorded.collector.http_client, name, fail)
    port = await closed_port()
    async with origin_running() as origin:
        with instrumented(recorded):
            async with aiohttp.ClientSession() as session:
                assert await read(session, f"{origin.url}/moved") == PAGE
                with pytest.raises(aiohttp.ClientConnectorError):
                    await read(session, f"http://127.0.0.1:{port}/page")
                with pytest.raises(aiohttp.ClientPayloadError):
                    await read(session, f"{origin.url}/broken")
                await event_loop_turn()
    assert recorded.collector.guard.errors > 0
