"""The scraper: searches and details, through proxies, retried by tenacity."""

from __future__ import annotations

import asyncio
import re
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import aiohttp
from tenacity import RetryCallState, retry, retry_if_not_exception_type, stop_after_attempt, wait_none

from .errors import (
    REFUSALS,
    ListingGoneError,
    ProxyFailedError,
    ProxyRefusedError,
    RateLimitedError,
    SessionExpiredError,
    SiteUnavailableError,
)
from .limits import RateLimiter
from .proxies import ProxyManager, proxy_url
from .storage import PropertyStorage

_attempt: ContextVar[tuple[str, int]] = ContextVar("attempt", default=("", 1))


def _number(state: RetryCallState) -> None:
    _attempt.set((uuid4().hex if state.attempt_number == 1 else _attempt.get()[0], state.attempt_number))


def _count(state: RetryCallState) -> None:
    state.args[0].stats["retries"] += 1


_retried = retry(
    retry=retry_if_not_exception_type(ListingGoneError),
    stop=stop_after_attempt(6),
    wait=wait_none(),
    before=_number,
    before_sleep=_count,
    reraise=True,
)


class PhoenixMLSScraper:
    def __init__(self, config: dict[str, Any], proxy_config: list[str]) -> None:
        self.site = config["site"]
        self.storage: PropertyStorage = config["storage"]
        self.proxy_manager = ProxyManager(proxy_config, f"{self.site}/health")
        self.rate_limiter = RateLimiter(limit=6)
        self.stats = {"retries": 0, "rate_limited": 0, "properties_scraped": 0}
        self._valid = False
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    @_retried
    async def search_properties_by_zipcode(self, zipcode: str) -> list[dict[str, Any]]:
        page = await self._page(f"/search/{zipcode}")
        return [{"url": url, "zipcode": zipcode} for url in re.findall(r'href="([^"]+)"', page)]

    @_retried
    async def scrape_property_details(self, property_url: str) -> dict[str, Any]:
        page = await self._page(property_url)
        found = re.search(r'class="zipcode">(\d+)<', page)
        listing = {"url": property_url, "address": {"zip": found and found[1]}, "raw_html": page}
        await self.storage.save(listing)
        self.stats["properties_scraped"] += 1
        return listing

    async def scrape_properties_batch(self, property_urls: list[str]) -> list[Any]:
        pages = (self.scrape_property_details(url) for url in property_urls)
        results: list[Any] = await asyncio.gather(*pages, return_exceptions=True)
        return results

    async def maintain_session(self) -> bool:
        if not self._valid:
            try:
                await self._fetch("/login", f"login-{uuid4().hex}", 1)
                self._valid = True
            except (ProxyFailedError, ProxyRefusedError):
                pass
        return self._valid

    async def handle_rate_limit(self) -> None:
        self.stats["rate_limited"] += 1
        await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self._session.close()

    async def _page(self, path: str) -> str:
        if not self._valid:
            await self.maintain_session()
        await asyncio.sleep(await self.rate_limiter.wait_if_needed("phoenix_mls"))
        try:
            return await self._fetch(path, *_attempt.get())
        except RateLimitedError:
            await self.handle_rate_limit()
            raise
        except SessionExpiredError:
            self._valid = False
            raise

    async def _fetch(self, path: str, call: str, attempt: int) -> str:
        proxy = await self.proxy_manager.get_next_proxy()
        headers = {"X-Call-Id": call, "X-Attempt": str(attempt)}
        url = f"{self.site}{path}"
        try:
            async with self._session.get(url, proxy=proxy_url(proxy), headers=headers, allow_redirects=False) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            await self.proxy_manager.mark_failed(proxy)
            raise ProxyFailedError from error
        if answer.status in (407, 502):
            await self.proxy_manager.mark_failed(proxy)
        else:
            await self.proxy_manager.mark_success(proxy)
        if answer.status != 200:
            raise REFUSALS.get(answer.status, SiteUnavailableError)
        return text
