"""The trackers that users call themselves, and the decorator for functions."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from phoenix_otel import ProxyMetricsIntegration, ScraperMetricsIntegration, metrics_decorator
from phoenix_otel.testing import RecordedMetrics


async def test_track_request(recorded: RecordedMetrics) -> None:
    integration = ScraperMetricsIntegration()
    async with integration.track_request("search", "85001"):
        pass
    with pytest.raises(TimeoutError), integration.track_request("search"):
        raise TimeoutError

    assert recorded.label_sets("scraper_requests_total") == {
        (("endpoint", "search"), ("method", "GET"), ("status", "success")): 1,
        (("endpoint", "search"), ("method", "GET"), ("status", "failed")): 1,
    }
    assert recorded.label_sets("scraper_errors_total") == {(("endpoint", "search"), ("error_type", "TimeoutError")): 1}
    assert recorded.value("scraper_response_time_seconds_count", endpoint="search") == 2


def test_the_scraper_tracker(recorded: RecordedMetrics) -> None:
    integration = ScraperMetricsIntegration()
    integration.track_session_start()
    integration.track_retry("search", 2)
    integration.track_content_size(5000, "search", "json")
    integration.track_rate_limit("api", "server", 1.5)
    integration.update_rate_limit_stats("api", current_rate=3, remaining=7)
    assert recorded.value("scraper_session_valid") == 1
    integration.track_session_status(False)

    assert recorded.value("scraper_session_valid") == 0
    assert recorded.value("scraper_retries_total", endpoint="search", retry_number="2") == 1
    assert recorded.value("scraper_content_size_bytes_sum", endpoint="search", content_type="json") == 5000
    assert recorded.value("rate_limit_hits_total", endpoint="api", limit_type="server") == 1
    assert recorded.value("rate_limit_current_rate", endpoint="api") == 3
    assert recorded.value("rate_limit_limit_remaining", endpoint="api") == 7


def test_the_proxy_tracker(recorded: RecordedMetrics) -> None:
    one, two = ProxyMetricsIntegration(), ProxyMetricsIntegration()
    one.update_proxy_counts(total=5, healthy=4)
    two.update_proxy_counts(3, 1)
    one.track_proxy_request("h:1", "success")
    one.track_proxy_health_check("h:1", 0.5, success=False, reason="timeout")
    one.track_proxy_rotation()
    one.track_proxy_response_time("h:1", 0.25)

    assert recorded.value("proxy_total_count") == 8
    assert recorded.value("proxy_healthy_count") == 5
    assert recorded.value("proxy_requests_total", proxy_id="h:1", status="success") == 1
    assert recorded.value("proxy_health_check_failures_total", proxy_id="h:1", reason="timeout") == 1
    assert recorded.value("proxy_rotations_total") == 1
    assert recorded.value("proxy_response_time_seconds_sum", proxy_id="h:1") == 0.25


async def test_metrics_decorator_on_functions_and_coroutines(recorded: RecordedMetrics) -> None:
    @metrics_decorator(metric_type="request", labels={"endpoint": "listing"})
    async def fetch(page: int, *, deep: bool = False) -> int:
        """Fetch."""
        if page < 0:
            raise ValueError(page)
        return page

    @metrics_decorator()
    def crawl() -> str:
        return "done"

    assert await fetch(3, deep=True) == 3
    with pytest.raises(ValueError, match="-1"):
        await fetch(-1)
    assert crawl() == "done"

    assert inspect.iscoroutinefunction(fetch)
    assert str(inspect.signature(fetch)) == "(page: 'int', *, deep: 'bool' = False) -> 'int'"
    assert fetch.__doc__ == "Fetch."
    assert recorded.label_sets("scraper_requests_total") == {
        (("endpoint", "listing"), ("method", "GET"), ("status", "success")): 1,
        (("endpoint", "listing"), ("method", "GET"), ("status", "failed")): 1,
        (("endpoint", "crawl"), ("method", "GET"), ("status", "success")): 1,
    }


async def test_metrics_decorator_for_queries_and_proxies(recorded: RecordedMetrics) -> None:
    @metrics_decorator("query", {"operation": "find", "collection": "properties"})
    async def load() -> None: ...

    @metrics_decorator("proxy_request", {"proxy_id": "user:secret@10.0.0.1:80"})
    async def through() -> None: ...

    await load()
    await through()
    assert recorded.value("database_queries_total", operation="find", collection="properties", status="success") == 1
    assert recorded.label_sets("proxy_requests_total") == {(("proxy_id", "10.0.0.1:80"), ("status", "success")): 1}


async def test_metrics_decorator_on_methods(recorded: RecordedMetrics) -> None:
    class Scraper:
        @metrics_decorator("request")
        async def fetch_page(self, number: int) -> int:
            return number

    assert await Scraper().fetch_page(2) == 2
    assert recorded.value("scraper_requests_total", endpoint="fetch_page", status="success") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric_type": "page"}, "metric_type: 'page' is not allowed; allowed: request, query, proxy_request"),
        ({"labels": {"colour": "red"}}, "labels: colour not allowed for request; allowed: endpoint, method"),
    ],
)
def test_what_there_is_not_is_refused_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics_decorator(**arguments)
