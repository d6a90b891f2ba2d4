"""The reference scraper's parts on their own: proxy manager, rate limiter, storage."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from phoenix_otel.demo.errors import NoHealthyProxyError, ProxyRefusedError
from phoenix_otel.demo.proxies import STEADY, ForwardProxy, ProxyAddress
from phoenix_otel.demo.proxy_manager import ProxyManager, proxy_url
from phoenix_otel.demo.rate_limiter import SlidingWindowRateLimiter
from phoenix_otel.demo.scraper import ListingScraper, Property
from phoenix_otel.demo.site import ListingSite
from phoenix_otel.demo.storage import MemoryCollection, PropertyStore, StorageError

LONG = 3600.0
LISTING: Property = {
    "url": "http://site/property/1",
    "zipcode": "85001",
    "address": "1 Peña Blvd",
    "price": 1,
    "bedrooms": 1,
    "square_feet": 1,
    "raw_html": "é",
}


def address(port: int) -> ProxyAddress:
    return {"host": "127.0.0.1", "port": port, "type": "http", "username": "u", "password": "planted"}


def manager(*ports: int, cooldown: float = LONG) -> ProxyManager:
    return ProxyManager(
        [address(port) for port in ports], "http://127.0.0.1:9/health", max_failures=2, cooldown=cooldown
    )


async def test_proxies_take_turns() -> None:
    proxies = manager(1, 2)
    assert sorted([(await proxies.get_next_proxy())["port"] for _ in range(4)]) == [1, 1, 2, 2]


async def test_a_proxy_is_handed_out_as_a_copy() -> None:
    proxies = manager(1)
    (await proxies.get_next_proxy())["password"] = "changed"
    assert (await proxies.get_next_proxy())["password"] == "planted"


async def test_a_proxy_that_keeps_failing_rests_and_then_there_is_none() -> None:
    proxies = manager(1)
    await proxies.mark_failed(address(1))
    assert proxies.available_ids() == {"127.0.0.1:1"}
    await proxies.mark_failed(address(1))
    assert proxies.available_ids() == set()
    with pytest.raises(NoHealthyProxyError):
        await proxies.get_next_proxy()


async def test_a_success_forgives_earlier_failures() -> None:
    proxies = manager(1)
    for _ in range(3):
        await proxies.mark_failed(address(1))
        await proxies.mark_success(address(1))
    assert proxies.available_ids() == {"127.0.0.1:1"}


async def test_a_cooldown_ends_by_time_alone() -> None:
    proxies = manager(1, cooldown=0.0)
    for _ in range(2):
        await proxies.mark_failed(address(1))
    assert (await proxies.get_next_proxy())["port"] == 1


async def test_health_is_false_for_a_proxy_that_is_not_there() -> None:
    proxies = manager(1)
    assert await proxies.check_all_health() == {"127.0.0.1:1": False}
    assert await proxies.check_recovery() == []


async def test_a_proxy_in_cooldown_that_answers_has_recovered() -> None:
    async with ListingSite().running() as site, ForwardProxy("proxy-1", STEADY, "u", "planted").running() as proxy:
        proxies = ProxyManager([proxy.address], f"{site.url}/health", max_failures=1, cooldown=LONG)
        await proxies.mark_failed(proxy.address)
        assert await proxies.check_recovery() == [proxy.proxy_id]
        assert proxies.available_ids() == set()


async def test_a_resting_proxy_that_fails_its_health_check_rests_on() -> None:
    now = 0.0
    proxies = ProxyManager([address(1)], "http://127.0.0.1:9/health", max_failures=1, cooldown=10.0, clock=lambda: now)
    await proxies.mark_failed(address(1))
    now = 9.0
    assert not await proxies.check_health(address(1))
    now = 18.0
    assert proxies.available_ids() == set()
    now = 19.0
    assert proxies.available_ids() == {"127.0.0.1:1"}


async def test_a_health_check_that_fails_does_not_set_a_proxy_aside() -> None:
    proxies = manager(1)
    assert not await proxies.check_health(address(1))
    assert proxies.available_ids() == {"127.0.0.1:1"}


async def test_wrong_proxy_credentials_fail_the_call_at_once_and_are_not_told() -> None:
    async with ListingSite().running() as site, ForwardProxy("proxy-1", STEADY, "u", "other").running() as proxy:
        proxies = ProxyManager([address(proxy.port)], f"{site.url}/health")
        async with ListingScraper(site.url, proxies, SlidingWindowRateLimiter({"search": 9})) as scraper:
            with pytest.raises(ProxyRefusedError) as refused:
                await scraper.search_properties_by_zipcode("85001")
        assert "planted" not in str(refused.value)
        assert scraper.stats["retries"] == 0
        assert site.journal == []


def test_a_proxys_address_in_text_has_no_credentials() -> None:
    assert proxy_url(address(1)) == "http://127.0.0.1:1"


class Observer:
    """Remembers what a rate limiter tells."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def on_request_made(self, source: str, timestamp: float) -> None:
        self.told.append("made")

    async def on_rate_limit_hit(self, source: str, wait_time: float) -> None:
        self.told.append("hit")

    async def on_rate_limit_reset(self, source: str) -> None:
        self.told.append("reset")


async def test_the_limiter_spreads_what_is_too_much_over_the_next_windows() -> None:
    limiter = SlidingWindowRateLimiter({"search": 2, "details": 1}, window=LONG)
    waits = [await limiter.wait_if_needed("search") for _ in range(5)]
    assert [round(wait / LONG) for wait in waits] == [0, 0, 1, 1, 2]
    assert await limiter.wait_if_needed("details") == 0.0
    assert limiter.throttled == {"search": 3}
    assert limiter.get_current_usage("search") == {
        "current_requests": 2,
        "requests_remaining": 0,
        "effective_limit": 2,
    }


async def test_the_limiter_tells_its_observers() -> None:
    limiter = SlidingWindowRateLimiter({"search": 1}, window=LONG)
    observer = Observer()
    limiter.add_observer(observer)
    for _ in range(2):
        await limiter.wait_if_needed("search")
    assert observer.told == ["made", "made", "hit"]


async def test_the_limiter_tells_when_the_waiting_is_over() -> None:
    times = iter([0.0, 0.0, 100.0])
    limiter = SlidingWindowRateLimiter({"search": 1}, window=1.0, clock=lambda: next(times))
    observer = Observer()
    limiter.add_observer(observer)
    assert [await limiter.wait_if_needed("search") for _ in range(3)] == [0.0, 1.0, 0.0]
    assert observer.told == ["made", "made", "hit", "made", "reset"]


class BrokenCollection(MemoryCollection):
    """Refuses to write."""

    async def upsert(self, listings: Sequence[Property]) -> int:
        raise StorageError("WriteError")


async def test_the_store_counts_what_it_did() -> None:
    store = PropertyStore(MemoryCollection(), "in memory")
    await store.save([LISTING])
    await store.save([LISTING])
    await store.report("85001")
    assert store.queries == {("update", "success"): 2, ("count", "success"): 1, ("stats", "success"): 1}
    assert store.documents == {"update": 2}


async def test_memory_keeps_one_document_a_url() -> None:
    collection = MemoryCollection()
    assert await collection.upsert([LISTING]) + await collection.upsert([LISTING]) == 2
    assert await collection.size() == (2, 1)
    assert (await collection.count("85001"), await collection.count("85002")) == (1, 0)


async def test_a_database_that_fails_is_counted_and_does_not_stop_the_scraper() -> None:
    store = PropertyStore(BrokenCollection(), "broken")
    await store.save([LISTING])
    assert store.queries == {("update", "failed"): 1}
    assert store.documents == {}
