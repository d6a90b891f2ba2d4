"""A listing scraper in one file, as people write them: it knows its site, its proxies and its database, nothing else.

usage: plain_scraper.py SITE ZIPCODE ...        PROXIES and MONGO_URIS are in the environment, separated by blanks
It prints what it has done as one line of JSON, and leaves when its standard input is closed.
"""

import asyncio
import json
import logging
import os
import re
import sys
import time
from collections import Counter, deque
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from pymongo import AsyncMongoClient
from pymongo.errors import DuplicateKeyError, PyMongoError
from tenacity import RetryCallState, retry, retry_if_not_exception_type, stop_after_attempt, wait_none

Proxy = dict[str, Any]
WINDOW = 0.2
attempt: ContextVar[tuple[str, int]] = ContextVar("attempt", default=("login", 1))


class SessionExpiredError(Exception): ...


class ListingGoneError(Exception): ...


class RateLimitedError(Exception): ...


class SiteUnavailableError(Exception): ...


class ProxyRefusedError(Exception): ...


class ProxyFailedError(Exception): ...


REFUSALS: dict[int, type[Exception]] = {
    302: SessionExpiredError,
    401: SessionExpiredError,
    404: ListingGoneError,
    407: ProxyRefusedError,
    429: RateLimitedError,
    502: ProxyFailedError,
}


def number(state: RetryCallState) -> None:
    attempt.set((uuid4().hex if state.attempt_number == 1 else attempt.get()[0], state.attempt_number))


again = retry(
    retry=retry_if_not_exception_type(ListingGoneError),
    stop=stop_after_attempt(6),
    wait=wait_none(),
    before=number,
    reraise=True,
)


class Pace:
    """So many requests in a window of WINDOW seconds."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.made: deque[float] = deque()
        self.waits: Counter[str] = Counter()

    async def wait(self, site: str) -> float:
        now = time.monotonic()
        while self.made and self.made[0] <= now - WINDOW:
            self.made.popleft()
        at = max(now, self.made[-self.limit] + WINDOW) if len(self.made) >= self.limit else now
        self.made.append(at)
        self.waits[site] += at > now
        return at - now

    def get_current_usage(self, site: str) -> dict[str, int]:
        used = sum(1 for at in tuple(self.made) if at > time.monotonic() - WINDOW)
        return {"current_requests": used, "requests_remaining": max(0, self.limit - used)}


class Pool:
    """Takes turns; a proxy that fails twice running rests for ten minutes."""

    def __init__(self, urls: list[str], health: str) -> None:
        parts = [urlsplit(url) for url in urls]
        self.proxies: list[Proxy] = [
            {"host": part.hostname, "port": part.port, "username": part.username, "password": part.password}
            for part in parts
        ]
        self.health = health
        self.failures: Counter[int] = Counter()
        self.resting: dict[int, float] = {}
        self.turn = 0

    async def take(self) -> Proxy:
        usable = [proxy for proxy in self.proxies if self._is_proxy_available(proxy)]
        self.turn += 1
        return dict(usable[self.turn % len(usable)])

    async def good(self, proxy: Proxy) -> None:
        self.failures[proxy["port"]] = 0

    async def bad(self, proxy: Proxy) -> None:
        self.failures[proxy["port"]] += 1
        if self.failures[proxy["port"]] == 2:
            self.resting[proxy["port"]] = time.monotonic() + 600

    async def probe(self, proxy: Proxy) -> bool:
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(self.health, proxy=address(proxy), headers=tag()) as page,
            ):
                return page.status == 200
        except aiohttp.ClientError:
            return False

    def _is_proxy_available(self, proxy: Proxy) -> bool:
        return time.monotonic() >= self.resting.get(proxy["port"], 0.0)


def address(proxy: Proxy) -> str:
    return f"http://{proxy['username']}:{proxy['password']}@{proxy['host']}:{proxy['port']}"


def tag(call: str | None = None, tries: int = 1) -> dict[str, str]:
    return {"X-Call-Id": call or uuid4().hex, "X-Attempt": str(tries)}


class Store:
    """Listings in MongoDB, at the first address that answers."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]]) -> None:
        self.client = client
        self.listings = client["zero_code"]["listings"]

    @classmethod
    async def connect(cls, uris: list[str]) -> "Store":
        for uri in uris:
            client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, serverSelectionTimeoutMS=500)
            try:
                await client.admin.command("ping")
            except PyMongoError:
                await client.close()
            else:
                return cls(client)
        raise SystemExit("no database")

    async def save(self, listing: dict[str, Any]) -> None:
        try:
            await self.listings.insert_one({"_id": listing["_id"], "seen": 1})
        except DuplicateKeyError:
            await self.listings.update_one({"_id": listing["_id"]}, {"$inc": {"seen": 1}})

    async def read_all(self) -> int:
        return len([listing async for listing in self.listings.find({}, batch_size=5)])


class Crawler:
    """Searches, and reads listings, through the pool."""

    def __init__(self, site: str, http: aiohttp.ClientSession, pool: Pool, pace: Pace, store: Store) -> None:
        self.site = site
        self.http = http
        self.pool = pool
        self.pace = pace
        self.store = store
        self.session_is_open = False
        self.stats = {"properties_scraped": 0}

    @again
    async def results(self, page: int, zip_code: str) -> list[str]:
        text = await self.get(f"/search/{zip_code}?page={page}&token={os.environ.get('SITE_TOKEN', '')}")
        return re.findall(r'href="([^"]+)"', text)

    @again
    async def listing(self, path: str) -> dict[str, Any]:
        text = await self.get(f"{path}?token={os.environ.get('SITE_TOKEN', '')}")
        found = re.search(r'class="zipcode">(\d+)<', text)
        listing = {"_id": f"{path} {os.environ.get('AGENT', '')}", "zip": found and found[1], "page": text}
        await self.store.save(listing)
        self.stats["properties_scraped"] += 1
        return listing

    async def maintain_session(self) -> bool:
        if not self.session_is_open:
            try:
                await self.fetch("/login", f"login-{uuid4().hex}", 1)
                self.session_is_open = True
            except (ProxyFailedError, ProxyRefusedError):
                pass
        return self.session_is_open

    async def cool_down(self) -> None:
        await asyncio.sleep(0.01)

    async def get(self, path: str) -> str:
        if not self.session_is_open:
            await self.maintain_session()
        await asyncio.sleep(await self.pace.wait("listing-site"))
        try:
            return await self.fetch(path, *attempt.get())
        except RateLimitedError:
            await self.cool_down()
            raise
        except SessionExpiredError:
            self.session_is_open = False
            raise

    async def fetch(self, path: str, call: str, tries: int) -> str:
        proxy = await self.pool.take()
        try:
            options: dict[str, Any] = {"headers": tag(call, tries), "allow_redirects": False}
            async with self.http.get(f"{self.site}{path}", proxy=address(proxy), **options) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            await self.pool.bad(proxy)
            raise ProxyFailedError from error
        await (self.pool.bad(proxy) if answer.status in (407, 502) else self.pool.good(proxy))
        if answer.status != 200:
            raise REFUSALS.get(answer.status, SiteUnavailableError)
        return text


async def main(site: str, *zipcodes: str) -> None:
    pool = Pool(os.environ["PROXIES"].split(), f"{site}/health")
    store = await Store.connect(os.environ["MONGO_URIS"].split())
    pace = Pace(limit=6)
    for proxy in pool.proxies:
        await pool.probe(proxy)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        crawler = Crawler(site, http, pool, pace, store)
        failed = 0
        for zipcode in zipcodes:
            found = await crawler.results(1, zip_code=zipcode)
            ended = await asyncio.gather(*(crawler.listing(path) for path in found), return_exceptions=True)
            failed += sum(isinstance(result, Exception) for result in ended)
        while not await crawler.maintain_session():
            continue
        report = {"waits": dict(pace.waits), "resting": len(pool.resting), "read": await store.read_all()}
        print(json.dumps(report | {"failed": failed}), flush=True)  # noqa: T201 - a program that prints
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await store.client.close()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "WARNING"))
    asyncio.run(main(*sys.argv[1:]))
