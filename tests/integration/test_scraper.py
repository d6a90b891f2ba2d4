"""A user's scraper class, decorated: everything is counted once, and nothing else changes."""

from __future__ import annotations

import asyncio
import gc
import inspect
from typing import Any

import pytest

from phoenix_otel import metrics_integrated_scraper
from phoenix_otel.testing import RecordedMetrics
from tests.integration.users_classes import PageError, PhoenixMLSScraper

Requests = dict[tuple[tuple[str, str], ...], float]


def monitored() -> type[PhoenixMLSScraper]:
    @metrics_integrated_scraper
    class MonitoredPhoenixMLSScraper(PhoenixMLSScraper):
        pass

    return MonitoredPhoenixMLSScraper


def requests(recorded: RecordedMetrics, endpoint: str, status: str) -> float:
    return recorded.value("scraper_requests_total", endpoint=endpoint, status=status, method="GET")


async def test_a_search_is_one_request(recorded: RecordedMetrics) -> None:
    result = await monitored()().search_properties_by_zipcode("85001")

    assert [entry["url"] for entry in result] == ["/85001/0", "/85001/1", "/85001/2"]
    assert recorded.label_sets("scraper_requests_total") == {
        (("endpoint", "search"), ("method", "GET"), ("status", "success")): 1
    }
    assert recorded.value("scraper_response_time_seconds_count", endpoint="search", status="success") == 1


async def test_details_bring_content_and_a_property(recorded: RecordedMetrics) -> None:
    await monitored()().scrape_property_details(property_url="/85003/1")

    assert requests(recorded, "property_details", "success") == 1
    assert recorded.value("scraper_content_size_bytes_sum", endpoint="property_details", content_type="html") == 9
    assert recorded.label_sets("scraper_properties_scraped_total") == {(("status", "success"), ("zipcode", "85003")): 1}


async def test_a_retried_call_is_one_request_and_its_retries(recorded: RecordedMetrics) -> None:
    await monitored()(failures={"85001": 2}).search_properties_by_zipcode("85001")

    assert requests(recorded, "search", "success") == 1
    assert recorded.label_sets("scraper_retries_total") == {
        (("endpoint", "search"), ("retry_number", "1")): 1,
        (("endpoint", "search"), ("retry_number", "2")): 1,
    }
    assert recorded.label_sets("scraper_errors_total") == {}


async def test_retries_that_the_scraper_counts_too_are_counted_once(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Counting(PhoenixMLSScraper):
        def _fail(self, page: str) -> None:
            self.stats["retries"] += self.failures.get(page, 0) > 0
            super()._fail(page)

    await Counting(failures={"85001": 2}).search_properties_by_zipcode("85001")
    assert recorded.value("scraper_retries_total") == 2


async def test_retries_that_only_the_scraper_knows_of_are_counted(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class LoopsByItself:
        def __init__(self) -> None:
            self.stats = {"retries": 7}

        async def search_properties_by_zipcode(self, zipcode: str) -> list[str]:
            self.stats["retries"] += 2
            return []

    await LoopsByItself().search_properties_by_zipcode("85001")
    assert recorded.label_sets("scraper_retries_total") == {
        (("endpoint", "search"), ("retry_number", "1")): 1,
        (("endpoint", "search"), ("retry_number", "2")): 1,
    }


async def test_a_failed_call_raises_what_it_raised_and_is_counted(recorded: RecordedMetrics) -> None:
    scraper = monitored()(failures={"85001": 3})
    with pytest.raises(PageError, match="http://user:secret@proxy/85001") as raised:
        await scraper.search_properties_by_zipcode("85001")

    assert raised.type is PageError
    assert requests(recorded, "search", "failed") == 1
    assert requests(recorded, "search", "success") == 0
    assert recorded.label_sets("scraper_errors_total") == {(("endpoint", "search"), ("error_type", "PageError")): 1}
    assert recorded.value("scraper_retries_total") == 2
    assert recorded.value("scraper_response_time_seconds_count", endpoint="search", status="failed") == 1


async def test_a_batch_counts_its_pages_and_not_itself(recorded: RecordedMetrics) -> None:
    scraper = monitored()(failures={"/85002/1": 3})
    results = await scraper.scrape_properties_batch(["/85001/1", "/85002/1", "/85003/1"])

    assert [isinstance(result, PageError) for result in results] == [False, True, False]
    assert requests(recorded, "property_details", "success") == 2
    assert requests(recorded, "property_details", "failed") == 1
    assert recorded.value("scraper_requests_total") == 3


async def test_concurrent_pages_find_their_own_zipcode(recorded: RecordedMetrics) -> None:
    scraper = monitored()()
    await asyncio.gather(*(scraper.scrape_property_details(f"/{85000 + number % 4}/{number}") for number in range(40)))

    assert recorded.label_sets("scraper_properties_scraped_total") == {
        (("status", "success"), ("zipcode", str(zipcode))): 10 for zipcode in range(85000, 85004)
    }


async def test_a_scraper_that_counts_properties_at_the_end_of_a_batch(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class CountsAtTheEnd:
        def __init__(self) -> None:
            self.stats = {"properties_scraped": 0}

        async def scrape_property_details(self, property_url: str) -> dict[str, str]:
            return {"zip_code": property_url}

        async def scrape_properties_batch(self, property_urls: list[str]) -> list[Any]:
            found = [await self.scrape_property_details(url) for url in property_urls]
            self.stats["properties_scraped"] += len(found)
            return found

    await CountsAtTheEnd().scrape_properties_batch(["85001", "85002", "85002"])
    assert recorded.label_sets("scraper_properties_scraped_total") == {
        (("status", "success"), ("zipcode", "85001")): 1,
        (("status", "success"), ("zipcode", "85002")): 2,
    }


async def test_a_scraper_that_counts_properties_in_its_searches(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class CountsInSearch:
        def __init__(self) -> None:
            self.stats = {"properties_scraped": 100}

        async def search_properties_by_zipcode(self, zipcode: str) -> list[int]:
            self.stats["properties_scraped"] += 3
            return [1, 2, 3]

    await CountsInSearch().search_properties_by_zipcode("85001")
    assert recorded.label_sets("scraper_properties_scraped_total") == {(("status", "success"), ("zipcode", "85001")): 3}


async def test_without_counts_of_its_own_a_searchs_results_count(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Plain:
        async def search_properties_by_zipcode(self, zipcode: str) -> list[int]:
            return [1, 2]

    await Plain().search_properties_by_zipcode(zipcode="85001")
    assert recorded.value("scraper_properties_scraped_total", zipcode="85001", status="success") == 2


async def test_sessions(recorded: RecordedMetrics) -> None:
    cls = monitored()
    one, two = cls(), cls()
    await one.maintain_session()
    await two.maintain_session()
    assert recorded.value("scraper_session_valid") == 1
    assert len(recorded.samples("scraper_session_age_seconds")) == 1

    two.session_ok = False
    await two.maintain_session()
    assert recorded.value("scraper_session_valid") == 0

    del two
    gc.collect()
    assert recorded.value("scraper_session_valid") == 1


async def test_the_sites_rate_limit_is_counted_for_the_request_it_hit(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Limited(PhoenixMLSScraper):
        async def search_properties_by_zipcode(self, zipcode: str) -> list[dict[str, Any]]:  # type: ignore[override]
            await self.handle_rate_limit()
            return await super().search_properties_by_zipcode(zipcode)

    scraper = Limited()
    await scraper.search_properties_by_zipcode("85001")
    await scraper.handle_rate_limit()

    assert recorded.label_sets("rate_limit_hits_total") == {
        (("endpoint", "search"), ("limit_type", "server")): 1,
        (("endpoint", "scraper"), ("limit_type", "server")): 1,
    }
    assert recorded.value("rate_limit_wait_time_seconds_count", endpoint="search") == 1


async def test_the_scrapers_rate_limiter_is_observed(recorded: RecordedMetrics) -> None:
    scraper = monitored()()
    scraper.rate_limiter.limit = 2
    for _ in range(3):
        await scraper.search_properties_by_zipcode("85001")

    assert recorded.label_sets("rate_limit_hits_total") == {
        (("endpoint", "phoenix_mls"), ("limit_type", "throttle")): 1
    }
    assert recorded.value("rate_limit_wait_time_seconds_sum", endpoint="phoenix_mls") == 2.5
    assert len(scraper.rate_limiter.observers) == 1


async def test_super_of_a_decorated_class_counts_once(recorded: RecordedMetrics) -> None:
    base = monitored()

    @metrics_integrated_scraper
    class Special(base):  # type: ignore[misc, valid-type]
        async def search_properties_by_zipcode(self, zipcode: str) -> list[dict[str, Any]]:
            first: list[dict[str, Any]] = await super().search_properties_by_zipcode(zipcode)
            return first

    await Special(failures={"85001": 1}).search_properties_by_zipcode("85001")
    assert recorded.value("scraper_requests_total") == 1
    assert recorded.value("scraper_retries_total") == 1


async def test_decorating_twice_counts_once(recorded: RecordedMetrics) -> None:
    cls = metrics_integrated_scraper(metrics_integrated_scraper(monitored()))
    await cls(failures={"85001": 1}).search_properties_by_zipcode("85001")

    assert recorded.value("scraper_requests_total") == 1
    assert recorded.value("scraper_retries_total") == 1


async def test_a_method_that_calls_itself_anew_counts_each_call(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Recursive:
        async def scrape_property_details(self, property_url: str) -> dict[str, Any]:
            if property_url == "outer":
                await self.scrape_property_details("inner")
            return {}

    await Recursive().scrape_property_details("outer")
    assert requests(recorded, "property_details", "success") == 2


def test_synchronous_methods_work_too(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Synchronous:
        def search_properties_by_zipcode(self, zipcode: str) -> list[int]:
            if zipcode == "bad":
                raise PageError
            return [1]

        def maintain_session(self) -> bool:
            return True

    scraper = Synchronous()
    assert scraper.search_properties_by_zipcode("85001") == [1]
    with pytest.raises(PageError):
        scraper.search_properties_by_zipcode("bad")
    assert scraper.maintain_session() is True

    assert requests(recorded, "search", "success") == 1
    assert requests(recorded, "search", "failed") == 1
    assert recorded.value("scraper_session_valid") == 1


async def test_a_cancelled_call_is_a_failed_one(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Slow:
        async def search_properties_by_zipcode(self, zipcode: str) -> list[int]:
            await asyncio.Event().wait()
            return []

    task = asyncio.create_task(Slow().search_properties_by_zipcode("85001"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert recorded.value("scraper_errors_total", endpoint="search", error_type="CancelledError") == 1


def test_signatures_docs_and_kind_of_function_stay() -> None:
    cls = monitored()

    assert inspect.signature(cls) == inspect.signature(PhoenixMLSScraper)
    for name in ("search_properties_by_zipcode", "scrape_property_details", "maintain_session"):
        ours, theirs = getattr(cls(), name), getattr(PhoenixMLSScraper(), name)
        assert inspect.signature(ours) == inspect.signature(theirs)
        assert inspect.iscoroutinefunction(ours)
        assert (ours.__name__, ours.__doc__) == (theirs.__name__, theirs.__doc__)
    assert cls.search_properties_by_zipcode.retry.stop.max_attempt_number == 3  # type: ignore[union-attr]


def test_objects_get_nothing_added() -> None:
    assert vars(monitored()()).keys() == vars(PhoenixMLSScraper()).keys()


def test_a_class_that_lacks_the_methods_is_left_alone() -> None:
    class Other:
        def fetch(self) -> int:
            return 1

    before = dict(vars(Other))
    assert metrics_integrated_scraper(Other) is Other
    assert dict(vars(Other)) == before


async def test_objects_that_cannot_be_hashed_or_referred_to_weakly(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Odd:
        __slots__ = ()
        __hash__ = None  # type: ignore[assignment]

        async def maintain_session(self) -> bool:
            return True

    assert await Odd().maintain_session() is True
    assert recorded.value("scraper_session_valid") == 1


@pytest.mark.usefixtures("production")
async def test_what_breaks_in_our_hooks_stays_with_us(recorded: RecordedMetrics) -> None:
    @metrics_integrated_scraper
    class Hostile:
        @property
        def stats(self) -> dict[str, int]:
            raise RuntimeError("stats are broken")

        @property
        def rate_limiter(self) -> object:
            raise RuntimeError("so is this")

        async def search_properties_by_zipcode(self, zipcode: str) -> str:
            return "as ever"

    errors = recorded.collector.guard.errors
    assert await Hostile().search_properties_by_zipcode("85001") == "as ever"
    assert recorded.collector.guard.errors > errors


async def test_before_telemetry_is_configured_nothing_is_recorded_and_nothing_breaks() -> None:
    result = await monitored()(failures={"85001": 1}).search_properties_by_zipcode("85001")

    assert len(result) == 3


async def test_the_undecorated_base_class_is_untouched(recorded: RecordedMetrics) -> None:
    monitored()
    await PhoenixMLSScraper(failures={"85001": 2}).search_properties_by_zipcode("85001")

    assert recorded.value("scraper_requests_total") == 0
    assert recorded.value("scraper_retries_total") == 0
