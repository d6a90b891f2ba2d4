"""Requests of aiohttp through real forward proxies: counts are those of the proxies' own journals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from phoenix_otel.demo import headers
from phoenix_otel.demo.loopback import HOST
from phoenix_otel.demo.proxies import STEADY, ForwardProxy, Phase
from phoenix_otel.instrumentation import Hooks
from phoenix_otel.instrumentation.aiohttp_client import AiohttpClientInstrumentor
from phoenix_otel.instrumentation.proxied_requests import is_proxys_own
from phoenix_otel.testing import RecordedMetrics
from tests.instrumentation.http_numbers import bodies, proxied, requests
from tests.instrumentation.http_origin import PAGE, Origin, closed_port, origin_running

USER, PASSWORD = "scraper", "right"


@pytest.fixture(autouse=True)
def _off() -> Iterator[None]:
    yield
    if AiohttpClientInstrumentor().is_instrumented_by_opentelemetry:
        AiohttpClientInstrumentor().uninstrument()


@asynccontextmanager
async def proxied_session(
    recorded: RecordedMetrics, *profile: Phase
) -> AsyncIterator[tuple[Origin, ForwardProxy, aiohttp.ClientSession]]:
    """A site, a proxy whose own client is not seen, and a session that is."""
    proxy = ForwardProxy("proxy-9", profile or STEADY, USER, PASSWORD)
    async with origin_running() as origin, proxy.running():
        AiohttpClientInstrumentor().instrument(collector=recorded.collector)
        async with aiohttp.ClientSession() as session:
            yield origin, proxy, session


async def fetch(
    session: aiohttp.ClientSession, url: str, proxy: ForwardProxy, password: str = PASSWORD
) -> tuple[int, bytes] | None:
    """Status and body of one request through the proxy; None if it failed."""
    sent = {headers.PROXY_AUTHORIZATION: headers.basic_auth(USER, password)}
    try:
        async with session.get(url, proxy=f"http://{proxy.proxy_id}", headers=sent) as response:
            return response.status, await response.read()
    except aiohttp.ClientError:
        return None


async def read(own_session: aiohttp.ClientSession, url: str) -> None:
    async with own_session as session, session.get(url) as response:
        assert await response.read() == PAGE


async def test_success_and_failure_as_the_proxy_saw_them(recorded: RecordedMetrics) -> None:
    profile = (Phase(4), Phase(2, "bad_gateway"), Phase(3, "drop"))
    async with proxied_session(recorded, *profile) as (origin, proxy, session):
        for _ in range(20):
            await fetch(session, f"{origin.url}/page", proxy)
        seen = proxy.outcomes()
    assert set(seen) == {200, 502, 0}
    assert proxied(recorded, proxy.proxy_id) == (seen[200], seen[502] + seen[0])
    assert sum(requests(recorded).values()) == sum(seen.values())
    assert bodies(recorded)["200", ""] == seen[200] * len(PAGE)
    times = recorded.value("proxy_response_time_seconds_count", proxy_id=proxy.proxy_id)
    assert times == seen[200]
    through = recorded.value("http_client_response_body_size_bytes_sum", proxy_id=proxy.proxy_id)
    assert through == sum(bodies(recorded).values())


async def test_wrong_credentials(recorded: RecordedMetrics) -> None:
    async with proxied_session(recorded) as (origin, proxy, session):
        answers = [await fetch(session, f"{origin.url}/page", proxy, "wrong") for _ in range(2)]
        assert proxy.outcomes() == {407: 2}
        assert origin.headers == []
    assert [answer and answer[0] for answer in answers] == [407, 407]
    assert proxied(recorded, proxy.proxy_id) == (0, 2)


async def test_a_site_that_refuses_is_not_the_proxys_fault(recorded: RecordedMetrics) -> None:
    async with proxied_session(recorded) as (origin, proxy, session):
        for status in (403, 404, 429, 500):
            await fetch(session, f"{origin.url}/status/{status}", proxy)
        await fetch(session, f"{origin.url}/status/503?Via=1.1+cache", proxy)
    assert proxied(recorded, proxy.proxy_id) == (5, 0)


async def test_a_proxy_that_is_not_there(recorded: RecordedMetrics) -> None:
    port = await closed_port()
    async with proxied_session(recorded) as (origin, _, session):
        with pytest.raises(aiohttp.ClientProxyConnectionError):
            await session.get(f"{origin.url}/page", proxy=f"http://127.0.0.1:{port}")
    assert proxied(recorded, f"127.0.0.1:{port}") == (0, 1)
    assert requests(recorded) == {("", "ClientProxyConnectionError"): 1}


async def test_a_proxy_that_opens_no_tunnel(recorded: RecordedMetrics) -> None:
    async with proxied_session(recorded) as (_, proxy, session):
        with pytest.raises(aiohttp.ClientHttpProxyError):
            await session.get(
                "https://localhost:9/page",
                proxy=f"http://{proxy.proxy_id}",
                proxy_headers={headers.PROXY_AUTHORIZATION: headers.basic_auth(USER, "wrong")},
            )
        assert proxy.outcomes() == {407: 1}
    assert proxied(recorded, proxy.proxy_id) == (0, 1)
    assert requests(recorded) == {("", "ClientHttpProxyError"): 1}


async def test_a_proxy_that_answers_no_http(recorded: RecordedMetrics) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"what?\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(babble, HOST, 0) as server, proxied_session(recorded) as (origin, _, session):
        proxy_id = f"{HOST}:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{origin.url}/page", proxy=f"http://{proxy_id}")
    assert proxied(recorded, proxy_id) == (0, 1)


async def test_an_answer_that_breaks_off(recorded: RecordedMetrics) -> None:
    async def stop_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
        await writer.drain()
        writer.close()

    async with (
        await asyncio.start_server(stop_early, HOST, 0) as server,
        proxied_session(recorded) as (origin, _, session),
    ):
        proxy_id = f"{HOST}:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(aiohttp.ClientPayloadError):
            async with session.get(f"{origin.url}/page", proxy=f"http://{proxy_id}") as response:
                await response.read()
        await asyncio.sleep(0)
    assert proxied(recorded, proxy_id) == (0, 1)
    assert bodies(recorded) == {("200", "ClientPayloadError"): len("half of it")}


async def test_a_redirect_goes_through_the_proxy_twice(recorded: RecordedMetrics) -> None:
    async with proxied_session(recorded) as (origin, proxy, session):
        assert await fetch(session, f"{origin.url}/moved", proxy) == (200, PAGE)
        assert proxy.outcomes() == {302: 1, 200: 1}
    assert proxied(recorded, proxy.proxy_id) == (2, 0)


async def test_a_retry_on_a_stale_connection_is_a_request_of_its_own(recorded: RecordedMetrics) -> None:
    """aiohttp sends a GET again by itself where a kept connection turns out to be closed."""
    async with proxied_session(recorded, Phase(1), Phase(1, "drop"), Phase(1)) as (origin, proxy, session):
        assert await fetch(session, f"{origin.url}/page", proxy) == (200, PAGE)
        assert await fetch(session, f"{origin.url}/page", proxy) == (200, PAGE)
        assert proxy.outcomes() == {200: 2, 0: 1}
    assert proxied(recorded, proxy.proxy_id) == (2, 1)
    assert recorded.value("http_client_request_resends_total", cause="retry") == 1


async def test_proxies_from_the_session_and_from_the_environment(
    recorded: RecordedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {headers.PROXY_AUTHORIZATION: headers.basic_auth(USER, PASSWORD)}
    async with proxied_session(recorded) as (origin, proxy, _):
        address = f"http://{proxy.proxy_id}"
        await read(aiohttp.ClientSession(proxy=address, headers=sent), f"{origin.url}/page")
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.delenv("no_proxy", raising=False)
        await read(aiohttp.ClientSession(trust_env=True, headers=sent), f"{origin.url}/page")
        assert proxy.outcomes() == {200: 2}
    assert proxied(recorded, proxy.proxy_id) == (2, 0)


class Manager:
    """A proxy manager as people write them."""

    def __init__(self, proxies: list[str]) -> None:
        self.proxies = proxies

    def mark_success(self, proxy: str) -> None:
        """Do nothing."""

    def mark_failed(self, proxy: str) -> None:
        """Do nothing."""


class HalfManager:
    """One that only hears of failures."""

    def __init__(self, proxies: list[str]) -> None:
        self.proxies = proxies

    def mark_failed(self, proxy: str) -> None:
        """Do nothing."""

    async def check_health(self, session: aiohttp.ClientSession, url: str, proxy: ForwardProxy) -> bool:
        return await fetch(session, url, proxy) is not None


def instrumented(cls: type, recorded: RecordedMetrics) -> type:
    watched = type(cls.__name__, (cls,), {})
    Hooks(recorded.collector).proxy_manager.instrument(watched)
    return watched


async def test_a_manager_that_reports_is_who_counts(recorded: RecordedMetrics) -> None:
    make: Any = instrumented(Manager, recorded)
    async with proxied_session(recorded, Phase(2), Phase(1, "bad_gateway")) as (origin, proxy, session):
        manager = make([proxy.proxy_id])
        for _ in range(3):
            answer = await fetch(session, f"{origin.url}/page", proxy)
            assert answer is not None
            (manager.mark_success if answer[0] == 200 else manager.mark_failed)(proxy.proxy_id)
        assert proxied(recorded, proxy.proxy_id) == (2, 1)
        assert recorded.value("proxy_response_time_seconds_count", proxy_id=proxy.proxy_id) == 2

        del manager
        await fetch(session, f"{origin.url}/page", proxy)
        assert proxied(recorded, proxy.proxy_id) == (3, 1)


async def test_a_manager_that_reports_half_leaves_the_counting_to_the_client(recorded: RecordedMetrics) -> None:
    make: Any = instrumented(HalfManager, recorded)
    async with proxied_session(recorded, Phase(2), Phase(1, "bad_gateway")) as (origin, proxy, session):
        manager = make([proxy.proxy_id])
        for _ in range(3):
            answer = await fetch(session, f"{origin.url}/page", proxy)
            if answer is None or answer[0] != 200:
                manager.mark_failed(proxy.proxy_id)
        assert proxied(recorded, proxy.proxy_id) == (2, 1)

        AiohttpClientInstrumentor().uninstrument()
        manager.mark_failed(proxy.proxy_id)
        assert proxied(recorded, proxy.proxy_id) == (2, 2)


async def test_a_manager_that_is_seen_no_more_leaves_the_counting_to_the_client(recorded: RecordedMetrics) -> None:
    watched = type("Watched", (Manager,), {})
    stop = Hooks(recorded.collector).proxy_manager.instrument(watched)
    async with proxied_session(recorded) as (origin, proxy, session):
        manager: Any = watched([proxy.proxy_id])
        await fetch(session, f"{origin.url}/page", proxy)
        manager.mark_success(proxy.proxy_id)
        assert proxied(recorded, proxy.proxy_id) == (1, 0)
        stop()
        await fetch(session, f"{origin.url}/page", proxy)
        manager.mark_success(proxy.proxy_id)
        assert proxied(recorded, proxy.proxy_id) == (2, 0)


async def test_health_checks_are_counted_as_such_alone(recorded: RecordedMetrics) -> None:
    make: Any = instrumented(HalfManager, recorded)
    async with proxied_session(recorded) as (origin, proxy, session):
        assert await make([proxy.proxy_id]).check_health(session, f"{origin.url}/page", proxy)
        assert proxy.outcomes() == {200: 1}
    assert proxied(recorded, proxy.proxy_id) == (0, 0)
    assert recorded.value("proxy_response_time_seconds_count") == 0
    assert requests(recorded) == {("200", ""): 1}


@pytest.mark.parametrize(
    ("status", "given", "own"),
    [
        (407, {}, True),
        (407, {"Via": "1.1 x"}, True),
        (502, {}, True),
        (503, {}, True),
        (504, {}, True),
        (503, {"Via": "1.1 x"}, False),
        (502, {"Proxy-Status": "x; received-status=502"}, False),
        (502, {"Proxy-Status": "x; error=connection_timeout"}, True),
        (503, {"Via": "1.1 squid", "X-Squid-Error": "ERR_CONNECT_FAIL 111"}, True),
        (500, {}, False),
        (200, {}, False),
    ],
)
def test_whose_answer_it_is(status: int, given: Mapping[str, str], own: bool) -> None:
    assert is_proxys_own(status, given, tunnelled=False) is own
    assert is_proxys_own(status, given, tunnelled=True) is False
