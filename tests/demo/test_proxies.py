"""The forward proxies on their own: credentials, forwarding, misbehaviour on schedule."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from phoenix_otel.demo import headers
from phoenix_otel.demo.journal import NO_ANSWER
from phoenix_otel.demo.loopback import HOST, serving
from phoenix_otel.demo.proxies import STEADY, ForwardProxy, Phase, proxies_running

PASSWORD = "right"


@asynccontextmanager
async def origin() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A server that remembers the headers it was sent."""
    seen: list[dict[str, str]] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(status=418, text="teapot", headers={"Set-Cookie": "a=b", "Retry-After": "2"})

    async with serving(web.ServerRunner(web.Server(answer))) as port:
        yield f"http://{HOST}:{port}", seen


async def fetch(proxy: ForwardProxy, url: str, password: str = PASSWORD, **extra: str) -> tuple[int, dict[str, str]]:
    sent = {headers.PROXY_AUTHORIZATION: headers.basic_auth("scraper", password)} | extra
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, proxy=f"http://{proxy.proxy_id}", headers=sent) as answer,
    ):
        await answer.read()
        return answer.status, dict(answer.headers)


def forward_proxy(*profile: Phase) -> ForwardProxy:
    return ForwardProxy("proxy-9", profile or STEADY, "scraper", PASSWORD)


async def test_forwards_and_names_itself() -> None:
    async with origin() as (url, seen), forward_proxy().running() as proxy:
        status, answered = await fetch(proxy, f"{url}/page")
        assert (status, answered["Set-Cookie"], answered["Retry-After"]) == (418, "a=b", "2")
        assert seen[0]["Via"] == "1.1 proxy-9"
        assert headers.PROXY_AUTHORIZATION not in seen[0]


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_407_for_wrong_credentials(password: str) -> None:
    async with origin() as (url, seen), forward_proxy().running() as proxy:
        status, answered = await fetch(proxy, url, password)
        assert status == 407
        assert answered["Proxy-Authenticate"].startswith("Basic")
        assert seen == []


async def test_407_without_credentials() -> None:
    async with (
        origin() as (url, seen),
        forward_proxy().running() as proxy,
        aiohttp.ClientSession() as session,
        session.get(url, proxy=f"http://{proxy.proxy_id}") as answer,
    ):
        assert answer.status == 407
        assert seen == []


async def test_502_when_the_target_is_not_there() -> None:
    async with origin() as (url, _):
        pass
    async with forward_proxy().running() as proxy:
        assert (await fetch(proxy, url))[0] == 502


async def test_fails_and_recovers_on_schedule() -> None:
    profile = (Phase(1), Phase(2, "bad_gateway"))
    async with origin() as (url, _), forward_proxy(*profile).running() as proxy:
        assert [(await fetch(proxy, url))[0] for _ in range(5)] == [418, 502, 502, 418, 502]
        assert proxy.outcomes() == {418: 2, 502: 3}


async def test_drops_the_connection_without_an_answer() -> None:
    async with origin() as (url, seen), forward_proxy(Phase(1, "drop")).running() as proxy:
        with pytest.raises(aiohttp.ClientError):
            await fetch(proxy, url, **{headers.CALL_ID: "c1", headers.ATTEMPT: "1"})
        assert set(proxy.outcomes()) == {NO_ANSWER}
        assert {(entry.call_id, entry.attempt) for entry in proxy.journal} == {("c1", 1)}
        assert seen == []


async def test_the_demo_runs_five_with_a_password_each() -> None:
    passwords = ["a", "b", "c", "d", "e"]
    async with proxies_running(faults=True, passwords=passwords) as proxies:
        assert [proxy.address["password"] for proxy in proxies] == passwords
        assert len({proxy.port for proxy in proxies}) == 5


async def test_a_proxy_that_is_down_closes_connections_without_an_answer_until_it_is_up_again() -> None:
    async with origin() as (url, seen), forward_proxy().running() as proxy:
        proxy.down = True
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await fetch(proxy, f"{url}/page")
        proxy.down = False
        assert (await fetch(proxy, f"{url}/page"))[0] == 418
        assert set(proxy.outcomes()) == {NO_ANSWER, 418}
        assert len(seen) == 1
