"""The demo's proxy manager: takes turns, puts failing proxies into cooldown, checks their health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

import aiohttp

from phoenix_otel import metrics_integrated_proxy_manager
from phoenix_otel.demo import headers
from phoenix_otel.demo.errors import NoHealthyProxyError
from phoenix_otel.demo.proxies import ProxyAddress


@dataclass(slots=True)
class _Record:
    failures: int = 0
    cooldown_until: float = 0.0


@metrics_integrated_proxy_manager
class ProxyManager:
    """Hands out proxies in turn; one that fails max_failures times running rests for cooldown seconds.

    A resting one that fails a health check rests for as long again.
    """

    def __init__(
        self,
        proxies: Sequence[ProxyAddress],
        health_url: str,
        *,
        max_failures: int = 3,
        cooldown: float = 2.0,
        health_timeout: float | None = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.proxies: list[ProxyAddress] = [proxy.copy() for proxy in proxies]
        self._health_url = health_url
        self._max_failures = max_failures
        self._cooldown = cooldown
        self._health_timeout = aiohttp.ClientTimeout(total=health_timeout)
        self._records = {self._get_proxy_key(proxy): _Record() for proxy in self.proxies}
        self._clock = clock
        self._turn = 0

    async def get_next_proxy(self) -> ProxyAddress:
        """A copy of the next available proxy; raises NoHealthyProxyError when there is none."""
        available = self._get_available_proxies()
        if not available:
            raise NoHealthyProxyError(f"all {len(self.proxies)} proxies are in cooldown")
        self._turn += 1
        return available[self._turn % len(available)].copy()

    async def mark_failed(self, proxy: ProxyAddress) -> None:
        """Counts a failure against the proxy."""
        record = self._records[self._get_proxy_key(proxy)]
        record.failures += 1
        if record.failures >= self._max_failures:
            self._rest(proxy)

    async def mark_success(self, proxy: ProxyAddress) -> None:
        """Forgives the proxy its earlier failures."""
        self._records[self._get_proxy_key(proxy)].failures = 0

    async def check_health(self, proxy: ProxyAddress) -> bool:
        """Whether the proxy reaches the health page; never raises."""
        healthy = await self._reaches_health_page(proxy)
        if not healthy and not self._is_proxy_available(proxy):
            self._rest(proxy)
        return healthy

    async def _reaches_health_page(self, proxy: ProxyAddress) -> bool:
        try:
            async with (
                aiohttp.ClientSession(timeout=self._health_timeout) as session,
                session.get(self._health_url, proxy=proxy_url(proxy), headers=request_headers(proxy)) as answer,
            ):
                await answer.read()
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def check_all_health(self) -> dict[str, bool]:
        """The health of every proxy, by "host:port"."""
        results = await asyncio.gather(*(self.check_health(proxy) for proxy in self.proxies))
        return {self._get_proxy_key(proxy): ok for proxy, ok in zip(self.proxies, results, strict=True)}

    async def check_recovery(self) -> list[str]:
        """The proxies in cooldown that answer again, as "host:port"; their cooldown still runs its time."""
        resting = [proxy for proxy in self.proxies if not self._is_proxy_available(proxy)]
        return [self._get_proxy_key(proxy) for proxy in resting if await self.check_health(proxy)]

    def available_ids(self) -> set[str]:
        """The "host:port" of each proxy that may be used now."""
        return {self._get_proxy_key(proxy) for proxy in self._get_available_proxies()}

    def _rest(self, proxy: ProxyAddress) -> None:
        record = self._records[self._get_proxy_key(proxy)]
        record.failures = 0
        record.cooldown_until = self._clock() + self._cooldown

    def _get_available_proxies(self) -> list[ProxyAddress]:
        return [proxy for proxy in self.proxies if self._is_proxy_available(proxy)]

    def _is_proxy_available(self, proxy: ProxyAddress) -> bool:
        return self._clock() >= self._records[self._get_proxy_key(proxy)].cooldown_until

    def _get_proxy_key(self, proxy: ProxyAddress) -> str:
        return f"{proxy['host']}:{proxy['port']}"


def proxy_url(proxy: ProxyAddress) -> str:
    """The proxy's address without its credentials, which go into a header and so into no error text."""
    return f"{proxy['type']}://{proxy['host']}:{proxy['port']}"


def request_headers(proxy: ProxyAddress, call_id: str | None = None, attempt: int = 1) -> dict[str, str]:
    """The headers of one attempt through the proxy: its credentials, and what the demo's journals go by."""
    return {
        headers.PROXY_AUTHORIZATION: headers.basic_auth(proxy["username"], proxy["password"]),
        headers.CALL_ID: call_id or uuid4().hex,
        headers.ATTEMPT: str(attempt),
    }
