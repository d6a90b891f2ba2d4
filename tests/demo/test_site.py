"""The listing site on its own: pages, 429, bans, sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from phoenix_otel.demo import headers
from phoenix_otel.demo.listings import ZIPCODES, make_listings
from phoenix_otel.demo.site import ListingSite, SiteFaults

NEVER = 10_000


@asynccontextmanager
async def visiting(
    faults: SiteFaults | None = None, *, log_in: bool = True
) -> AsyncIterator[tuple[ListingSite, aiohttp.ClientSession]]:
    async with (
        ListingSite(seed=1, faults=faults).running() as site,
        aiohttp.ClientSession(site.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        if log_in:
            await statuses(session, "/login")
        yield site, session


async def statuses(session: aiohttp.ClientSession, *paths: str, **request_headers: str) -> list[int]:
    seen = []
    for path in paths:
        async with session.get(path, headers=request_headers, allow_redirects=False) as answer:
            seen.append(answer.status)
    return seen


def test_the_same_seed_gives_the_same_listings() -> None:
    assert make_listings(7, faults=True) == make_listings(7, faults=True)
    assert make_listings(7, faults=True) != make_listings(8, faults=True)


def test_sizes_and_latencies_vary_and_one_zipcode_is_empty() -> None:
    found = make_listings(1, faults=False)
    listings = [listing for several in found.values() for listing in several]
    assert set(found) == set(ZIPCODES)
    assert found["85099"] == []
    assert len({listing.latency for listing in listings}) > len(listings) / 2
    assert max(listing.sentences for listing in listings) > 10 * min(listing.sentences for listing in listings)


def test_without_faults_every_listing_can_be_had() -> None:
    found = make_listings(1, faults=False)
    assert {listing.condition for several in found.values() for listing in several} == {"ok"}


async def test_search_links_to_details() -> None:
    async with visiting() as (_, session):
        async with session.get("/search/85001") as answer:
            page = await answer.text()
        assert 'href="/property/85001-00"' in page
        async with session.get("/property/85001-00") as answer:
            assert answer.charset == "utf-8"
            assert '<dd class="zipcode">85001</dd>' in await answer.text()


async def test_a_zipcode_without_listings_is_an_ordinary_page() -> None:
    async with visiting() as (_, session), session.get("/search/85099") as answer:
        assert answer.status == 200
        assert "No listings found" in await answer.text()


async def test_429_says_when_to_come_back() -> None:
    faults = SiteFaults(limit_every=2, retry_after=3)
    async with visiting(faults) as (_, session):
        assert await statuses(session, "/search/85099") == [200]
        async with session.get("/search/85099") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        assert await statuses(session, "/search/85099") == [200]


async def test_a_distrusted_identity_is_banned_for_a_while_and_nobody_else() -> None:
    faults = SiteFaults(limit_every=NEVER, distrusted=frozenset({"proxy-4"}), ban_every=2, ban_length=2)
    async with visiting(faults) as (_, session):
        pages = ["/search/85099"] * 5
        assert await statuses(session, *pages, Via="1.1 proxy-4") == [200, 200, 403, 403, 200]
        assert await statuses(session, *pages, Via="1.1 proxy-1") == [200] * 5


async def test_an_expired_session_is_refused_until_the_next_login() -> None:
    faults = SiteFaults(limit_every=NEVER, session_pages=1)
    async with visiting(faults) as (_, session):
        search, details, login = "/search/85099", "/property/85001-00", "/login"
        assert await statuses(session, search, search, details, login, search) == [200, 302, 401, 200, 200]


@pytest.mark.parametrize(("path", "status"), [("/search/85001", 302), ("/property/85001-00", 401), ("/health", 200)])
async def test_only_the_health_page_needs_no_session(path: str, status: int) -> None:
    async with visiting(log_in=False) as (_, session):
        assert await statuses(session, path) == [status]


@pytest.mark.parametrize(
    ("path", "status"), [("/property/85004-01", 404), ("/property/85016-01", 503), ("/property/x", 404)]
)
async def test_listings_that_cannot_be_had(path: str, status: int) -> None:
    async with visiting(SiteFaults(limit_every=NEVER)) as (_, session):
        assert await statuses(session, path) == [status]


async def test_the_journal_holds_call_attempt_outcome_and_size() -> None:
    async with visiting() as (site, session):
        named = {headers.CALL_ID: "c1", headers.ATTEMPT: "2"}
        async with session.get("/property/85001-00", headers=named) as answer:
            size = len(await answer.read())
        seen = site.journal[-1]
        assert (seen.call_id, seen.attempt, seen.endpoint, seen.status) == ("c1", 2, "property_details", 200)
        assert (seen.zipcode, seen.size) == ("85001", size)


async def test_a_site_that_is_down_answers_everything_with_503_until_it_is_up_again() -> None:
    async with visiting() as (site, session):
        site.down = True
        assert await statuses(session, "/health", "/login", "/search/85001") == [503, 503, 503]
        site.down = False
        assert await statuses(session, "/health") == [200]
        assert [entry.status for entry in site.journal[-4:]] == [503, 503, 503, 200]


async def test_a_site_that_is_locked_knows_no_session_and_opens_none() -> None:
    async with visiting(SiteFaults(limit_every=NEVER)) as (site, session):
        site.locked = True
        assert await statuses(session, "/search/85001", "/login") == [302, 401]
        site.locked = False
        assert await statuses(session, "/login", "/search/85001") == [200, 200]
