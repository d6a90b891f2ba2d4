"""Classes shaped like a user's: they have never heard of phoenix_otel."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_none


class PageError(Exception):
    """A page that did not come."""


class RateLimiter:
    """Lets `limit` requests through in a window, then asks to wait; tells its observers."""

    def __init__(self, limit: int = 1000) -> None:
        self.limit = limit
        self.used: dict[str, int] = {}
        self.observers: list[Any] = []

    def add_observer(self, observer: Any) -> None:
        self.observers.append(observer)

    async def wait_if_needed(self, source: str) -> float:
        if self.used.get(source, 0) >= self.limit:
            for observer in self.observers:
                await observer.on_rate_limit_hit(source, 2.5)
            self.used[source] = 0
            for observer in self.observers:
                await observer.on_rate_limit_reset(source)
            return 2.5
        self.used[source] = self.used.get(source, 0) + 1
        for observer in self.observers:
            await observer.on_request_made(source, time.time())
        return 0.0

    def get_current_usage(self, source: str) -> dict[str, Any]:
        used = self.used.get(source, 0)
        return {"current_requests": used, "requests_remaining": self.limit - used, "effective_limit": self.limit}


class PhoenixMLSScraper:
    """A scraper of pages that are told beforehand how they go: `failures` says how often a page fails first."""

    def __init__(self, config: Any = None, proxy_config: Any = None, *, failures: dict[str, int] | None = None) -> None:
        self.config = config
        self.proxy_config = proxy_config
        self.failures = failures or {}
        self.stats = {"retries": 0, "rate_limited": 0, "properties_scraped": 0}
        self.rate_limiter = RateLimiter()
        self.session_ok = True

    @retry(retry=retry_if_exception_type(PageError), stop=stop_after_attempt(3), wait=wait_none(), reraise=True)
    async def search_properties_by_zipcode(self, zipcode: str) -> list[dict[str, Any]]:
        """Return the properties of a zipcode."""
        await self.rate_limiter.wait_if_needed("phoenix_mls")
        self._fail(zipcode)
        return [{"url": f"/{zipcode}/{number}", "zipcode": zipcode} for number in range(3)]

    @retry(retry=retry_if_exception_type(PageError), stop=stop_after_attempt(3), wait=wait_none(), reraise=True)
    async def scrape_property_details(self, property_url: str) -> dict[str, Any]:
        await self.rate_limiter.wait_if_needed("phoenix_mls")
        await asyncio.sleep(0)
        self._fail(property_url)
        self.stats["properties_scraped"] += 1
        await asyncio.sleep(0)
        return {"url": property_url, "zipcode": property_url.split("/")[1], "raw_html": "<p>é</p>"}

    async def scrape_properties_batch(self, property_urls: list[str]) -> list[Any]:
        pages = (self.scrape_property_details(url) for url in property_urls)
        results: list[Any] = await asyncio.gather(*pages, return_exceptions=True)
        return results

    async def maintain_session(self) -> bool:
        return self.session_ok

    async def handle_rate_limit(self) -> None:
        self.stats["rate_limited"] += 1
        await asyncio.sleep(0)

    def _fail(self, page: str) -> None:
        if self.failures.get(page, 0) > 0:
            self.failures[page] -= 1
            raise PageError(f"http://user:secret@proxy/{page}")


class ProxyManager:
    """A pool in which a failed proxy cools down for `cooldown` seconds, by time alone."""

    def __init__(self, proxies: list[dict[str, Any]], cooldown: float = 60) -> None:
        self.proxies = proxies
        self.cooldown = cooldown
        self.failed_at: dict[str, float] = {}
        self.turn = 0
        self.unhealthy: set[str] = set()

    async def get_next_proxy(self) -> dict[str, Any]:
        available = self._get_available_proxies()
        if not available:
            raise LookupError("no healthy proxies")
        self.turn += 1
        return dict(available[self.turn % len(available)])

    async def mark_failed(self, proxy: dict[str, Any]) -> None:
        self.failed_at[self._get_proxy_key(proxy)] = time.monotonic()

    async def mark_success(self, proxy: dict[str, Any]) -> None:
        self.failed_at.pop(self._get_proxy_key(proxy), None)

    async def check_health(self, proxy: dict[str, Any]) -> bool:
        return self._get_proxy_key(proxy) not in self.unhealthy

    async def check_all_health(self) -> None:
        for proxy in self.proxies:
            if await self.check_health(proxy):
                await self.mark_success(proxy)
            else:
                await self.mark_failed(proxy)

    async def check_recovery(self) -> None:
        for proxy in self.proxies:
            if not self._is_proxy_available(proxy) and await self.check_health(proxy):
                await self.mark_success(proxy)

    def _get_available_proxies(self) -> list[dict[str, Any]]:
        return [proxy for proxy in self.proxies if self._is_proxy_available(proxy)]

    def _is_proxy_available(self, proxy: dict[str, Any]) -> bool:
        failed_at = self.failed_at.get(self._get_proxy_key(proxy))
        return failed_at is None or time.monotonic() - failed_at >= self.cooldown

    def _get_proxy_key(self, proxy: dict[str, Any]) -> str:
        return f"{proxy['host']}:{proxy['port']}"


def proxies(count: int) -> list[dict[str, Any]]:
    """Return proxy definitions with credentials."""
    return [
        {"host": f"10.0.0.{number}", "port": 8080, "type": "http", "username": "user", "password": "hunter2-secret"}
        for number in range(1, count + 1)
    ]
