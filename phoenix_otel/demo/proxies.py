"""Real HTTP forward proxies on loopback; some of them misbehave, on a schedule counted in requests."""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from phoenix_otel.demo import headers
from phoenix_otel.demo.journal import NO_ANSWER, Exchange, exchange
from phoenix_otel.demo.loopback import HOST, serving

Behaviour = Literal["forward", "drop", "bad_gateway"]


class ProxyAddress(TypedDict):
    """How a scraper knows a proxy."""

    host: str
    port: int
    type: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Phase:
    """What a proxy does with its next so many requests; delay in seconds."""

    requests: int
    behaviour: Behaviour = "forward"
    delay: float = 0.0


STEADY: Final = (Phase(1),)

# Two proxies always answer and are never banned: a scraper is never left without one.
FAULTY_PROFILES: Final[dict[str, tuple[Phase, ...]]] = {
    "proxy-1": STEADY,
    "proxy-2": (Phase(8), Phase(10, "drop")),
    "proxy-3": (Phase(6, delay=0.02), Phase(5, delay=0.4)),
    "proxy-4": STEADY,
    "proxy-5": (Phase(10), Phase(6, "bad_gateway")),
}
DISTRUSTED: Final = frozenset({"proxy-4"})


class ForwardProxy:
    """One forward proxy for http:// targets; `journal` holds every request it has received, in order.

    While `down` is set, it closes every connection without an answer.
    """

    def __init__(self, name: str, profile: Sequence[Phase], username: str, password: str) -> None:
        self.name = name
        self.journal: list[Exchange] = []
        self.port = 0
        self.down = False
        self._username = username
        self._password = password
        self._schedule = [phase for phase in profile for _ in range(phase.requests)]
        self._received = 0

    @property
    def proxy_id(self) -> str:
        """The proxy's host:port."""
        return f"{HOST}:{self.port}"

    @property
    def address(self) -> ProxyAddress:
        """What a scraper needs to use the proxy, credentials included."""
        return {
            "host": HOST,
            "port": self.port,
            "type": "http",
            "username": self._username,
            "password": self._password,
        }

    def outcomes(self) -> Counter[int]:
        """How many requests ended with each status; 0 is a connection closed without an answer."""
        return Counter(entry.status for entry in self.journal)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ForwardProxy]:
        """Serves on loopback while the block runs; `port` is set."""
        async with aiohttp.ClientSession(
            auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None)
        ) as upstream:

            async def answer(request: web.BaseRequest) -> web.StreamResponse:
                return await self._answer(request, upstream)

            async with serving(web.ServerRunner(web.Server(answer, access_log=None))) as self.port:
                yield self

    async def _answer(self, request: web.BaseRequest, upstream: aiohttp.ClientSession) -> web.StreamResponse:
        if not self._knows(request):
            refusal = web.Response(status=407, headers={"Proxy-Authenticate": 'Basic realm="demo"'})
            return self._written_down(request, refusal)
        phase = self._schedule[self._received % len(self._schedule)]
        self._received += 1
        await asyncio.sleep(phase.delay)
        if self.down or phase.behaviour == "drop":
            return self._drop(request)
        if phase.behaviour == "bad_gateway":
            return self._written_down(request, web.Response(status=502, text="upstream unreachable"))
        return self._written_down(request, await self._forward(request, upstream))

    def _knows(self, request: web.BaseRequest) -> bool:
        given = request.headers.get(headers.PROXY_AUTHORIZATION, "")
        expected = headers.basic_auth(self._username, self._password)
        return hmac.compare_digest(given.encode(), expected.encode())

    def _drop(self, request: web.BaseRequest) -> web.Response:
        response = self._written_down(request, web.Response(status=502), status=NO_ANSWER)
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _forward(self, request: web.BaseRequest, upstream: aiohttp.ClientSession) -> web.Response:
        if request.method != "GET" or not request.raw_path.startswith("http://"):
            return web.Response(status=501, text="only GET with an absolute http:// address")
        onward = _end_to_end(request.headers)
        onward["Via"] = ", ".join(filter(None, (onward.get("Via"), f"1.1 {self.name}")))
        try:
            async with upstream.get(request.url, headers=onward, allow_redirects=False) as answer:
                return web.Response(status=answer.status, headers=_end_to_end(answer.headers), body=await answer.read())
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=type(error).__name__)

    def _written_down(
        self, request: web.BaseRequest, response: web.Response, status: int | None = None
    ) -> web.Response:
        seen = response.status if status is None else status
        self.journal.append(exchange(request.url.path, request.headers, seen))
        return response


def _end_to_end(message: CIMultiDict[str] | CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The headers that a proxy passes on (RFC 9110, 7.6.1); the length is written anew."""
    named = {name.strip().lower() for name in message.get("Connection", "").split(",")}
    dropped = headers.HOP_BY_HOP | named | {"content-length"}
    return CIMultiDict((name, value) for name, value in message.items() if name.lower() not in dropped)


@asynccontextmanager
async def proxies_running(*, faults: bool, passwords: Sequence[str]) -> AsyncIterator[list[ForwardProxy]]:
    """Runs the demo's five proxies while the block runs, one password each."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                ForwardProxy(name, profile if faults else STEADY, f"scraper-{name}", password).running()
            )
            for (name, profile), password in zip(FAULTY_PROFILES.items(), passwords, strict=True)
        ]
