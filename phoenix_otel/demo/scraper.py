"""The reference scraper: what a scraper of one's own looks like with phoenix_otel added to it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Literal, TypedDict
from uuid import uuid4

import aiohttp
from bs4 import BeautifulSoup
from tenacity import (
    RetryCallState,
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from phoenix_otel import get_metrics_collector, metrics_integrated_scraper
from phoenix_otel.demo.errors import (
    PROXY_AT_FAULT,
    ProxyFailedError,
    RateLimitedError,
    RetryableError,
    ScrapeError,
    SessionExpiredError,
    refusal,
)
from phoenix_otel.demo.proxy_manager import ProxyManager, proxy_url, request_headers
from phoenix_otel.demo.rate_limiter import SlidingWindowRateLimiter

SEARCH: Final = "search"
DETAILS: Final = "property_details"
MAX_ATTEMPTS: Final = 4

_log = logging.getLogger(__name__)
# The call in progress and the number of its attempt, which the demo's servers are told.
_attempt: ContextVar[tuple[str, int]] = ContextVar("attempt", default=("", 1))


class SearchResult(TypedDict):
    """One line of a search page."""

    address: str
    url: str


class Property(TypedDict):
    """One listing; raw_html is the page it was read from."""

    url: str
    zipcode: str
    address: str
    price: int
    bedrooms: int
    square_feet: int
    raw_html: str


def _number_attempt(state: RetryCallState) -> None:
    call_id = uuid4().hex if state.attempt_number == 1 else _attempt.get()[0]
    _attempt.set((call_id, state.attempt_number))


def _count_retry(state: RetryCallState) -> None:
    scraper: ListingScraper = state.args[0]
    scraper.stats["retries"] += 1


_retried = retry(
    retry=retry_if_exception_type(RetryableError),
    stop=stop_after_attempt(MAX_ATTEMPTS),
    wait=wait_random_exponential(multiplier=0.05, max=0.5),
    before=_number_attempt,
    before_sleep=_count_retry,
    reraise=True,
)


@metrics_integrated_scraper
class ListingScraper:
    """Scrapes the listing site through the manager's proxies, one page at a time."""

    def __init__(
        self,
        site_url: str,
        proxies: ProxyManager,
        rate_limiter: SlidingWindowRateLimiter,
        *,
        timeout: float | None = 30.0,
    ) -> None:
        self.stats = {"retries": 0, "rate_limited": 0, "properties_scraped": 0}
        self.rate_limiter = rate_limiter
        self._site_url = site_url
        self._proxies = proxies
        self._session_state: Literal["none", "open", "lost"] = "none"
        self._retry_after = 0.0
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # the site's host is an IP address
            timeout=aiohttp.ClientTimeout(total=timeout),
        )

    async def __aenter__(self) -> ListingScraper:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    @_retried
    async def search_properties_by_zipcode(self, zipcode: str) -> list[SearchResult]:
        """The listings that the site shows for the zipcode; none is an empty list."""
        soup = _parse(await self._page(f"{self._site_url}/search/{zipcode}", SEARCH))
        return [
            {"address": link.get_text(), "url": f"{self._site_url}{link['href']}"}
            for link in soup.select("li.listing a[href]")
        ]

    @_retried
    async def scrape_property_details(self, property_url: str) -> Property:
        """One listing in full."""
        page = await self._page(property_url, DETAILS)
        found = _read_property(property_url, page)
        self.stats["properties_scraped"] += 1
        return found

    async def scrape_properties_batch(self, property_urls: Sequence[str]) -> list[Property]:
        """The listings that could be had, in order."""
        found: list[Property] = []
        for url in property_urls:
            try:
                found.append(await self.scrape_property_details(url))
            except ScrapeError as error:
                _log.info("%s: %s", url, type(error).__name__)
        return found

    async def maintain_session(self) -> bool:
        """Whether the session can be used; a lost one is reported once and replaced at the next call."""
        if self._session_state == "none":
            await self._log_in()
        elif self._session_state == "lost":
            self._session_state = "none"
        return self._session_state == "open"

    async def handle_rate_limit(self) -> None:
        """Waits as long as the site has asked for."""
        self.stats["rate_limited"] += 1
        await asyncio.sleep(self._retry_after)

    async def _log_in(self) -> None:
        call_id = f"login-{uuid4().hex}"
        try:
            await self._send(f"{self._site_url}/login", call_id, 1)
        except ScrapeError as error:
            _log.info("no session: %s", type(error).__name__)
        else:
            self._session_state = "open"

    async def _page(self, url: str, source: str) -> str:
        if self._session_state != "open":
            await self.maintain_session()
        await asyncio.sleep(await self.rate_limiter.wait_if_needed(source))
        try:
            return await self._send(url, *_attempt.get())
        except RateLimitedError:
            await self.handle_rate_limit()
            raise
        except SessionExpiredError:
            self._session_state = "lost"
            await self.maintain_session()
            raise

    async def _send(self, url: str, call_id: str, attempt: int) -> str:
        proxy = await self._proxies.get_next_proxy()
        try:
            text = await self._get(url, proxy_url(proxy), request_headers(proxy, call_id, attempt))
        except PROXY_AT_FAULT:
            await self._proxies.mark_failed(proxy)
            raise
        except ScrapeError:
            await self._proxies.mark_success(proxy)
            raise
        await self._proxies.mark_success(proxy)
        return text

    async def _get(self, url: str, through: str, headers: dict[str, str]) -> str:
        started = time.perf_counter()
        try:
            async with self._http.get(url, proxy=through, headers=headers, allow_redirects=False) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProxyFailedError(type(error).__name__) from error
        proxy_id = through.rpartition("/")[2]
        get_metrics_collector().proxy.record_proxy_response_time(proxy_id, time.perf_counter() - started)
        if answer.status != 200:
            self._retry_after = float(answer.headers.get("Retry-After", 0))
            raise refusal(answer.status)
        return text


def _read_property(url: str, page: str) -> Property:
    soup = _parse(page)
    return {
        "url": url,
        "zipcode": _text(soup, "dd.zipcode"),
        "address": _text(soup, "h1.address"),
        "price": int(_text(soup, "dd.price")),
        "bedrooms": int(_text(soup, "dd.bedrooms")),
        "square_feet": int(_text(soup, "dd.square-feet")),
        "raw_html": page,
    }


def _parse(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "html.parser")


def _text(soup: BeautifulSoup, selector: str) -> str:
    element = soup.select_one(selector)
    return element.get_text() if element is not None else ""
