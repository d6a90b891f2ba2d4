"""Each recorder method records exactly what its name says."""

from __future__ import annotations

import gc
import math
from typing import Any

import pytest

from phoenix_otel.catalog import DOMAINS
from phoenix_otel.recorders import MetricsCollector, PoolState
from phoenix_otel.testing import RecordedMetrics, recorded_metrics


def test_scraper_counters(recorded: RecordedMetrics) -> None:
    scraper = recorded.collector.scraper
    scraper.record_request("success", "search")
    scraper.record_request("failed", "search", "POST")
    scraper.record_request("success", endpoint="search", method="GET")
    scraper.record_property_scraped("85001")
    scraper.record_property_scraped("85001", "failed")
    scraper.record_error("TimeoutError", "search")
    scraper.record_retry("search", 1)
    scraper.record_retry("search", retry_number=2)

    assert recorded.label_sets("scraper_requests_total") == {
        (("endpoint", "search"), ("method", "GET"), ("status", "success")): 2,
        (("endpoint", "search"), ("method", "POST"), ("status", "failed")): 1,
    }
    assert recorded.label_sets("scraper_properties_scraped_total") == {
        (("status", "success"), ("zipcode", "85001")): 1,
        (("status", "failed"), ("zipcode", "85001")): 1,
    }
    assert recorded.label_sets("scraper_errors_total") == {(("endpoint", "search"), ("error_type", "TimeoutError")): 1}
    assert recorded.label_sets("scraper_retries_total") == {
        (("endpoint", "search"), ("retry_number", "1")): 1,
        (("endpoint", "search"), ("retry_number", "2")): 1,
    }


def test_the_other_status_starts_at_zero(recorded: RecordedMetrics) -> None:
    recorded.collector.scraper.record_request("failed", "search")

    success = recorded.samples("scraper_requests_total", status="success", endpoint="search", method="GET")
    assert [sample.value for sample in success] == [0.0]


def test_metrics_without_labels_start_at_zero(recorded: RecordedMetrics) -> None:
    assert [sample.value for sample in recorded.samples("proxy_rotations_total")] == [0.0]


def test_scraper_histograms_in_seconds_and_bytes(recorded: RecordedMetrics) -> None:
    scraper = recorded.collector.scraper
    scraper.record_response_time(0.3, "search", "success")
    scraper.record_response_time(7, "search", "success")
    scraper.record_content_size(6000, "search")

    buckets = recorded.samples("scraper_response_time_seconds_bucket", endpoint="search", status="success")
    assert [(sample.labels["le"], sample.value) for sample in buckets] == [
        ("0.1", 0), ("0.25", 0), ("0.5", 1), ("1.0", 1), ("2.5", 1), ("5.0", 1),
        ("10.0", 2), ("30.0", 2), ("60.0", 2), ("+Inf", 2),
    ]  # fmt: skip
    assert recorded.value("scraper_response_time_seconds_sum") == pytest.approx(7.3)
    assert recorded.value("scraper_content_size_bytes_sum", content_type="html") == 6000
    assert recorded.value("scraper_content_size_bytes_bucket", le="5120.0") == 0
    assert recorded.value("scraper_content_size_bytes_bucket", le="10240.0") == 1


def test_session_age_counts_on_from_what_was_given(recorded: RecordedMetrics) -> None:
    recorded.collector.scraper.set_session_status(True, 3600)

    assert recorded.value("scraper_session_valid") == 1
    first = recorded.value("scraper_session_age_seconds")
    assert 3600 <= first < 3660
    assert recorded.value("scraper_session_age_seconds") > first


def test_a_lost_session_is_invalid_and_has_no_age(recorded: RecordedMetrics) -> None:
    recorded.collector.scraper.set_session_status(True)
    recorded.collector.scraper.set_session_status(False)

    assert [sample.value for sample in recorded.samples("scraper_session_valid")] == [0]
    assert recorded.samples("scraper_session_age_seconds") == []


def test_several_sessions_are_told_apart(recorded: RecordedMetrics) -> None:
    class Source:
        """Somebody who reports."""

    old, new = Source(), Source()
    scraper = recorded.collector.scraper
    scraper.set_session_status(True, 500, source=old)
    scraper.set_session_status(True, 5, source=new)
    assert recorded.value("scraper_session_valid") == 1
    assert recorded.value("scraper_session_age_seconds") >= 500

    scraper.set_session_status(False, source=old)
    assert recorded.value("scraper_session_valid") == 0
    assert 5 <= recorded.value("scraper_session_age_seconds") < 500

    del old
    gc.collect()
    assert recorded.value("scraper_session_valid") == 1


async def test_time_request_records_the_response_time_of_both_outcomes(recorded: RecordedMetrics) -> None:
    scraper = recorded.collector.scraper
    with scraper.time_request("search"):
        pass
    async with scraper.time_request("search"):
        pass
    with pytest.raises(ZeroDivisionError):
        async with scraper.time_request("search"):
            raise ZeroDivisionError

    assert recorded.value("scraper_response_time_seconds_count", endpoint="search", status="success") == 2
    assert recorded.value("scraper_response_time_seconds_count", endpoint="search", status="failed") == 1


def test_proxy_metrics(recorded: RecordedMetrics) -> None:
    proxy = recorded.collector.proxy
    proxy.set_proxy_counts(total=5, healthy=3)
    proxy.set_cooldown_count(2)
    proxy.record_proxy_request("http://user:secret@10.0.0.1:80", "failed")
    proxy.record_health_check("10.0.0.1:80", 0.2, False, "timeout")
    proxy.record_health_check("10.0.0.1:80", 0.2, success=True)
    proxy.record_health_check("10.0.0.1:80", 0.2, False)
    proxy.record_proxy_response_time("10.0.0.1:80", 1.5)
    proxy.record_rotation()

    assert recorded.value("proxy_total_count") == 5
    assert recorded.value("proxy_healthy_count") == 3
    assert recorded.value("proxy_cooldown_active") == 2
    assert recorded.label_sets("proxy_requests_total") == {(("proxy_id", "10.0.0.1:80"), ("status", "failed")): 1}
    assert recorded.value("proxy_health_check_duration_seconds_count", proxy_id="10.0.0.1:80") == 3
    assert recorded.label_sets("proxy_health_check_failures_total") == {
        (("proxy_id", "10.0.0.1:80"), ("reason", "timeout")): 1,
        (("proxy_id", "10.0.0.1:80"), ("reason", "unhealthy")): 1,
    }
    assert recorded.value("proxy_response_time_seconds_sum", proxy_id="10.0.0.1:80") == 1.5
    assert recorded.value("proxy_rotations_total") == 1


def test_pools_add_up_and_go_with_their_owner(recorded: RecordedMetrics) -> None:
    class Pool:
        """A proxy pool."""

        def __init__(self, healthy: int) -> None:
            self.healthy = healthy

    def state(pool: Pool) -> PoolState:
        return PoolState(3, pool.healthy, 3 - pool.healthy)

    first, second = Pool(3), Pool(1)
    recorded.collector.proxy.observe_pool(first, state)
    recorded.collector.proxy.observe_pool(second, state)
    assert recorded.value("proxy_healthy_count") == 4
    first.healthy = 0
    assert recorded.value("proxy_healthy_count") == 1
    assert recorded.value("proxy_cooldown_active") == 5

    del first
    gc.collect()
    assert recorded.value("proxy_total_count") == 3


async def test_database_metrics(recorded: RecordedMetrics) -> None:
    database = recorded.collector.database
    database.set_active_connections(7)
    database.record_connection_error("AutoReconnect")
    database.record_query("find", "properties", "success", 0.02)
    database.record_documents("insert", "properties", 25)
    database.set_collection_stats("properties", 4096, 12)
    with pytest.raises(KeyError):
        async with database.time_query("find", "properties"):
            raise KeyError

    assert recorded.value("database_connections_active") == 7
    assert recorded.value("database_connection_errors_total", error_type="AutoReconnect") == 1
    assert recorded.label_sets("database_queries_total") == {
        (("collection", "properties"), ("operation", "find"), ("status", "success")): 1,
        (("collection", "properties"), ("operation", "find"), ("status", "failed")): 1,
    }
    assert recorded.value("database_query_duration_seconds_count", operation="find", collection="properties") == 2
    assert recorded.value("database_documents_total", operation="insert", collection="properties") == 25
    assert recorded.value("database_collection_size_bytes", collection="properties") == 4096
    assert recorded.value("database_collection_document_count", collection="properties") == 12


def test_rate_limit_metrics(recorded: RecordedMetrics) -> None:
    rate_limit = recorded.collector.rate_limit
    rate_limit.record_rate_limit_hit("api", "throttle", 2.0)
    rate_limit.set_current_rate("api", 40)
    rate_limit.set_current_rate("api", 41)
    rate_limit.set_limit_remaining("api", 19)

    assert recorded.label_sets("rate_limit_hits_total") == {(("endpoint", "api"), ("limit_type", "throttle")): 1}
    assert recorded.value("rate_limit_wait_time_seconds_sum", endpoint="api") == 2
    assert recorded.value("rate_limit_current_rate", endpoint="api") == 41
    assert recorded.value("rate_limit_limit_remaining", endpoint="api") == 19


def test_a_collector_that_is_not_bound_takes_everything_and_keeps_nothing() -> None:
    collector = MetricsCollector()
    collector.scraper.record_request("success", "search")
    collector.scraper.set_session_status(True, 5)
    collector.proxy.set_proxy_counts(1, 1)

    with recorded_metrics() as recorded:
        assert recorded.label_sets("scraper_requests_total") == {}
        assert recorded.samples("scraper_session_age_seconds") == []


class Unprintable:
    """A value whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("amount", [-1, -0.5, math.nan, math.inf, -math.inf, "five", None, 10**400, [1]])
def test_what_is_no_amount_is_refused_and_hurts_nobody(
    recorded: RecordedMetrics, amount: Any, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = recorded.collector.guard.refusals
    recorded.collector.scraper.record_content_size(amount, "search")
    recorded.collector.scraper.record_content_size(amount, "search")

    assert recorded.value("scraper_content_size_bytes_count") == 0
    assert recorded.collector.guard.refusals == refusals + 2
    assert len([record for record in caplog.records if "scraper.content_size" in record.message]) <= 1


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (85001, "85001"),
        (None, "None"),
        (["a"], "['a']"),
        ('a\x00b\n"c"', 'a\x00b\n"c"'),
        ("\udcff", "?"),
        ("x" * 1_000_000, "x" * 256),
    ],
)
def test_any_label_value_becomes_valid_text(recorded: RecordedMetrics, given: Any, shown: str) -> None:
    recorded.collector.scraper.record_property_scraped(given)
    recorded.collector.scraper.record_property_scraped(given)

    assert recorded.label_sets("scraper_properties_scraped_total") == {(("status", "success"), ("zipcode", shown)): 2}


def test_a_label_whose_text_raises_counts_as_unprintable(recorded: RecordedMetrics) -> None:
    recorded.collector.scraper.record_property_scraped(Unprintable())  # type: ignore[arg-type]

    assert recorded.value("scraper_properties_scraped_total", zipcode="unprintable") == 1


def test_beyond_the_cardinality_limit_totals_stay_exact() -> None:
    with recorded_metrics(cardinality_limit=10) as recorded:
        for number in range(1000):
            recorded.collector.scraper.record_property_scraped(f"{number:05}")

        samples = recorded.samples("scraper_properties_scraped_total")
        assert len(samples) == 10
        assert sum(sample.value for sample in samples) == 1000
        assert recorded.value("scraper_properties_scraped_total", otel_metric_overflow="true") == 991


def test_every_method_of_the_predecessor_is_there() -> None:
    collector = MetricsCollector()
    expected = {
        "scraper": "record_request record_response_time record_content_size record_property_scraped record_error "
        "set_session_status record_retry time_request",
        "proxy": "set_proxy_counts set_cooldown_count record_proxy_request record_health_check "
        "record_proxy_response_time record_rotation",
        "database": "set_active_connections record_connection_error record_query record_documents "
        "set_collection_stats time_query",
        "rate_limit": "record_rate_limit_hit set_current_rate set_limit_remaining",
    }
    for domain, methods in expected.items():
        assert [name for name in methods.split() if not callable(getattr(getattr(collector, domain), name))] == []
    assert set(DOMAINS) <= set(vars(collector))
