"""The listing site that the demo scrapes: pages, rate limit, bans and sessions."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web

from phoenix_otel.demo.journal import Exchange, exchange
from phoenix_otel.demo.listings import Listing, detail_page, make_listings, search_page
from phoenix_otel.demo.loopback import HOST, serving

SESSION_COOKIE: Final = "session"
_SEARCH_LATENCY: Final = 0.06
_GATED: Final = ("/search/", "/property/")

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class SiteFaults:
    """When the site turns against its visitors; all counts are of page requests, so that runs are alike.

    limit_every: each n-th page request is answered 429, to be tried again after retry_after seconds.
    ban_every, ban_length: a distrusted identity is banned after so many requests, for so many.
    session_pages: pages that a session lasts.
    """

    limit_every: int = 19
    retry_after: int = 1
    distrusted: frozenset[str] = frozenset()
    ban_every: int = 9
    ban_length: int = 4
    session_pages: int = 25


class ListingSite:
    """A small property listing site; `journal` holds every request it has received, in order.

    While `down` is set, it answers everything with 503; while `locked` is set, it knows no session and opens none.
    """

    def __init__(self, seed: int = 1, faults: SiteFaults | None = None) -> None:
        self.journal: list[Exchange] = []
        self.url = ""
        self.down = False
        self.locked = False
        self._faults = faults
        self._listings = make_listings(seed, faults=faults is not None)
        self._by_id = {listing.id: listing for found in self._listings.values() for listing in found}
        self._pages = 0
        self._pages_of_identity: Counter[str] = Counter()
        self._pages_left: dict[str, int] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ListingSite]:
        """Serves the site on loopback while the block runs; `url` is set."""
        application = web.Application(middlewares=[self._journalled, self._gated])
        application.add_routes(
            [
                web.get("/health", self._health),
                web.get("/login", self._login),
                web.get("/search/{zipcode}", self._search),
                web.get("/property/{listing_id}", self._property),
            ]
        )
        async with serving(web.AppRunner(application, access_log=None)) as port:
            self.url = f"http://{HOST}:{port}"
            yield self

    @web.middleware
    async def _journalled(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        response: web.StreamResponse
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            response = web.Response(status=refusal.status, text=refusal.text, headers=refusal.headers)
        listing = self._by_id.get(request.match_info.get("listing_id", ""))
        self.journal.append(
            exchange(
                request.path,
                request.headers,
                response.status,
                zipcode=listing.zipcode if listing else request.match_info.get("zipcode", ""),
                size=_size(response),
            )
        )
        return response

    @web.middleware
    async def _gated(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if self.down:
            raise web.HTTPServiceUnavailable(text="Please come back later.")
        if request.path.startswith(_GATED):
            self._pages += 1
            self._refuse_banned(request)
            self._refuse_hasty()
            self._refuse_strangers(request)
        return await handler(request)

    def _refuse_banned(self, request: web.Request) -> None:
        identity = client_identity(request)
        faults = self._faults
        if faults is None or identity not in faults.distrusted:
            return
        position = self._pages_of_identity[identity] % (faults.ban_every + faults.ban_length)
        self._pages_of_identity[identity] += 1
        if position >= faults.ban_every:
            raise web.HTTPForbidden(text="Unusual traffic from your network.")

    def _refuse_hasty(self) -> None:
        if self._faults is not None and self._pages % self._faults.limit_every == 0:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(self._faults.retry_after)})

    def _refuse_strangers(self, request: web.Request) -> None:
        token = request.cookies.get(SESSION_COOKIE, "")
        left = 0 if self.locked else self._pages_left.get(token, 0)
        if left == 0:
            self._pages_left.pop(token, None)
            raise web.HTTPFound("/login") if request.path.startswith("/search/") else web.HTTPUnauthorized()
        if self._faults is not None:
            self._pages_left[token] = left - 1

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _login(self, _request: web.Request) -> web.Response:
        if self.locked:
            raise web.HTTPUnauthorized
        token = secrets.token_urlsafe(16)
        self._pages_left[token] = self._faults.session_pages if self._faults is not None else 1
        response = web.Response(text="Welcome.")
        response.set_cookie(SESSION_COOKIE, token, httponly=True)
        return response

    async def _search(self, request: web.Request) -> web.Response:
        zipcode = request.match_info["zipcode"]
        await asyncio.sleep(_SEARCH_LATENCY)
        return _html(search_page(zipcode, self._listings.get(zipcode, [])))

    async def _property(self, request: web.Request) -> web.Response:
        listing = self._by_id.get(request.match_info["listing_id"])
        if listing is None or listing.condition == "gone":
            raise web.HTTPNotFound(text="This listing has been withdrawn.")
        if listing.condition == "broken":
            raise web.HTTPServiceUnavailable(text="Please come back later.")
        return await _slowly(listing)


def client_identity(request: web.Request) -> str:
    """Whom the site takes the client for: the first proxy named by Via, or "direct"."""
    first = request.headers.get("Via", "").partition(",")[0].split()
    return first[1] if len(first) > 1 else "direct"


async def _slowly(listing: Listing) -> web.Response:
    await asyncio.sleep(listing.latency)
    return _html(detail_page(listing))


def _html(text: str) -> web.Response:
    return web.Response(status=HTTPStatus.OK, body=text.encode(), content_type="text/html", charset="utf-8")


def _size(response: web.StreamResponse) -> int:
    body = response.body if isinstance(response, web.Response) else None
    return len(body) if isinstance(body, bytes) else 0
