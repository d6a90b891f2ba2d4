"""A user's rate limiter class, decorated."""

from __future__ import annotations

from phoenix_otel import metrics_integrated_rate_limiter, metrics_integrated_scraper
from phoenix_otel.class_targets import MethodMapping
from phoenix_otel.telemetry import get_hooks
from phoenix_otel.testing import RecordedMetrics
from tests.integration.users_classes import PhoenixMLSScraper, RateLimiter


def monitored() -> type[RateLimiter]:
    @metrics_integrated_rate_limiter
    class MonitoredRateLimiter(RateLimiter):
        pass

    return MonitoredRateLimiter


async def test_hits_and_waits(recorded: RecordedMetrics) -> None:
    limiter = monitored()(limit=2)
    waits = [await limiter.wait_if_needed("api") for _ in range(3)]

    assert waits == [0.0, 0.0, 2.5]
    assert recorded.label_sets("rate_limit_hits_total") == {(("endpoint", "api"), ("limit_type", "throttle")): 1}
    assert recorded.value("rate_limit_wait_time_seconds_sum", endpoint="api") == 2.5


async def test_usage_is_observed_when_read(recorded: RecordedMetrics) -> None:
    limiter = monitored()(limit=10)
    await limiter.wait_if_needed("api")
    await limiter.wait_if_needed(source="web")
    await limiter.wait_if_needed(source="web")
    limiter.used["web"] = 7

    assert recorded.label_sets("rate_limit_current_rate") == {(("endpoint", "api"),): 1, (("endpoint", "web"),): 7}
    assert recorded.label_sets("rate_limit_limit_remaining") == {(("endpoint", "api"),): 9, (("endpoint", "web"),): 3}


async def test_a_decorated_limiter_in_a_decorated_scraper_is_counted_once(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Scraper(PhoenixMLSScraper):
        def __init__(self) -> None:
            super().__init__()
            self.rate_limiter = monitored()(limit=1)

    scraper = Scraper()
    for _ in range(2):
        await scraper.search_properties_by_zipcode("85001")

    assert recorded.value("rate_limit_hits_total") == 1
    assert scraper.rate_limiter.observers == []


async def test_a_limiter_whose_method_has_another_name_is_counted_once(recorded: RecordedMetrics) -> None:
    class Renamed(RateLimiter):
        async def throttle(self, source: str) -> float:
            return await super().wait_if_needed(source)

        wait_if_needed = None  # type: ignore[assignment]

    mapping = {"throttle": MethodMapping("wait_if_needed")}
    get_hooks().rate_limiter.instrument(Renamed, mapping)

    @metrics_integrated_scraper
    class Scraper:
        def __init__(self) -> None:
            self.rate_limiter = Renamed(limit=1)

        async def search_properties_by_zipcode(self, zipcode: str) -> list[str]:
            await self.rate_limiter.throttle("api")
            return []

    scraper = Scraper()
    for _ in range(2):
        await scraper.search_properties_by_zipcode("85001")
    assert recorded.label_sets("rate_limit_hits_total") == {(("endpoint", "api"), ("limit_type", "throttle")): 1}
    assert scraper.rate_limiter.observers == []


async def test_a_scraper_that_counts_throttling_itself_is_not_counted_twice(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Counting(PhoenixMLSScraper):
        async def search_properties_by_zipcode(self, zipcode: str) -> list[dict[str, object]]:  # type: ignore[override]
            if await self.rate_limiter.wait_if_needed("api") > 0:
                self.stats["rate_limited"] += 1
            return []

    scraper = Counting()
    scraper.rate_limiter.limit = 1
    for _ in range(4):
        await scraper.search_properties_by_zipcode("85001")

    assert scraper.stats["rate_limited"] == 2
    assert recorded.label_sets("rate_limit_hits_total") == {(("endpoint", "api"), ("limit_type", "throttle")): 2}
