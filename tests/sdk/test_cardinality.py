"""The limit of attribute sets: bounded series, exact totals, and a gauge that shows growth coming."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.metrics import get_meter
from opentelemetry.sdk.metrics import Counter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from phoenix_otel import ConfigError, configure_telemetry
from phoenix_otel.sdk import MeterProvider
from tests.http import fetch, samples

OVERFLOW = {"otel.metric.overflow": True}


def points(reader: InMemoryMetricReader) -> list[Any]:
    data: Any = reader.get_metrics_data()
    return [
        point
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
def test_what_comes_beyond_the_limit_is_one_series(
    temporality: AggregationTemporality, caplog: pytest.LogCaptureFixture
) -> None:
    reader = InMemoryMetricReader({Counter: temporality})
    provider = MeterProvider([reader], shutdown_on_exit=False, cardinality_limit=10)
    counter = provider.get_meter("own").create_counter("c")
    with caplog.at_level(logging.WARNING, "phoenix_otel"):
        for _ in range(3):
            for number in range(25):
                counter.add(1, {"key": f"{number}"})

    found = points(reader)
    assert len(found) == 10
    assert [(dict(point.attributes), point.value) for point in found[:9]] == [
        ({"key": f"{number}"}, 3) for number in range(9)
    ]
    assert (dict(found[9].attributes), found[9].value) == (OVERFLOW, 3 * 16)
    assert [record.getMessage() for record in caplog.records] == [
        "phoenix_otel: c has more than 10 attribute sets; the rest is one series"
    ]


def test_the_limit_is_2000_unless_told_otherwise() -> None:
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader], shutdown_on_exit=False).get_meter("own").create_counter("c")
    for number in range(2100):
        counter.add(1, {"key": number})

    found = points(reader)
    assert len(found) == 2000
    assert [point.value for point in found if point.attributes == OVERFLOW] == [101]


def test_a_series_that_is_marked_as_overflow_by_hand_is_that_series() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False, cardinality_limit=3)
    counter = provider.get_meter("own").create_counter("c")
    counter.add(1, OVERFLOW)
    for number in range(4):
        counter.add(1, {"key": f"{number}"})
    counter.add(1, OVERFLOW)

    assert [(dict(point.attributes), point.value) for point in points(reader)] == [
        (OVERFLOW, 4),
        ({"key": "0"}, 1),
        ({"key": "1"}, 1),
    ]


@pytest.mark.parametrize("name", ["pages.sent", "pages_sent_bytes_total"])
def test_a_limit_for_one_metric_by_either_name(name: str) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False, cardinality_limit=3, cardinality_limits={name: 5})
    meter = provider.get_meter("own")
    for number in range(10):
        meter.create_counter("pages.sent", "By").add(1, {"key": number})
        meter.create_counter("other", "By").add(1, {"key": number})

    assert len(points(reader)) == 5 + 3


def scrape(telemetry: Any) -> dict[Any, float]:
    return samples(fetch(telemetry.url, "/metrics").text)


@pytest.mark.parametrize("fast_path", [True, False], ids=["fast", "plain"])
def test_single_limits_are_an_option_of_the_telemetry(fast_path: bool) -> None:
    telemetry = configure_telemetry(
        port=0, fast_path=fast_path, cardinality_limit=4, cardinality_limits={"scraper_errors_total": 6}
    )
    for number in range(20):
        telemetry.collector.scraper.record_error(f"E{number}", "search")
        telemetry.collector.database.record_connection_error(f"E{number}")

    found = scrape(telemetry)
    for name, limit in (("scraper_errors_total", 6), ("database_connection_errors_total", 4)):
        values = {labels: value for (sample, labels), value in found.items() if sample == name}
        assert len(values) == limit
        assert sum(values.values()) == 20
        assert found["phoenix_otel_series", (("metric", name),)] == limit


def test_series_of_the_programs_own_metrics_are_counted_too() -> None:
    telemetry = configure_telemetry(port=0, fast_path=True)
    telemetry.collector.scraper.record_request("success", "search")
    for number in range(7):
        get_meter("shop").create_counter("orders").add(1, {"key": number})

    found = scrape(telemetry)
    assert found["phoenix_otel_series", (("metric", "orders_total"),)] == 7
    assert found["phoenix_otel_series", (("metric", "scraper_requests_total"),)] == 2


@pytest.mark.parametrize("limits", [{"a": 1}, {"a": "x"}, {"ü": 5}, "a", {"a": 2_000_000}])
def test_limits_that_cannot_be_are_an_error(limits: Any) -> None:
    with pytest.raises(ConfigError, match=r"cardinality_limits: .* from argument is not allowed; allowed: names"):
        configure_telemetry(port=0, cardinality_limits=limits)


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOENIX_OTEL_CARDINALITY_LIMITS", "scraper.errors=5, orders_total=10")

    assert configure_telemetry(port=0).config.options.cardinality_limits == {"scraper.errors": 5, "orders_total": 10}
