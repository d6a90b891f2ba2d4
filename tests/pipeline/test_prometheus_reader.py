"""Known traps of the Prometheus reader: doubled samples, shifted labels, unsupported data, repeated shutdown."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.metrics import get_meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from prometheus_client import generate_latest

from phoenix_otel import Telemetry, configure_telemetry
from phoenix_otel.pipeline.pipeline import SCOPE
from phoenix_otel.pipeline.prometheus_reader import PrometheusReader
from phoenix_otel.pipeline.snapshot import Snapshot
from tests.http import fetch, samples


@pytest.fixture
def telemetry() -> Telemetry:
    return configure_telemetry(port=0)


def test_a_flush_does_not_double_the_next_scrape(telemetry: Telemetry) -> None:
    telemetry.collector.scraper.record_request("success", "search")
    for _ in range(3):
        telemetry.force_flush()

    found = samples(fetch(telemetry.url, "/metrics").text)
    key = ("scraper_requests_total", (("endpoint", "search"), ("method", "GET"), ("status", "success")))
    assert found[key] == 1


def test_the_programs_own_metrics_are_there_with_their_scope(telemetry: Telemetry) -> None:
    get_meter("shop").create_counter("orders").add(2, {"kind": "rent"})

    found = samples(fetch(telemetry.url, "/metrics").text)
    assert found["orders_total", (("kind", "rent"), ("otel_scope_name", "shop"))] == 2


def test_two_scopes_with_different_keys_keep_their_labels_in_place(telemetry: Telemetry) -> None:
    get_meter("one").create_counter("jobs").add(1, {"a": "x", "z": "y"})
    get_meter("two").create_counter("jobs").add(2, {"b": "q"})

    found = samples(fetch(telemetry.url, "/metrics").text)
    labels = {
        value: {name: text for name, text in key[1] if text} for key, value in found.items() if key[0] == "jobs_total"
    }
    assert labels == {
        1: {"a": "x", "z": "y", "otel_scope_name": "one"},
        2: {"b": "q", "otel_scope_name": "two"},
    }


def test_an_exponential_histogram_is_left_out_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    reader = PrometheusReader(SCOPE, {})
    view = View(instrument_name="sizes", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], views=[view], shutdown_on_exit=False)
    provider.get_meter("m").create_histogram("sizes").record(3)
    provider.get_meter("m").create_counter("jobs").add(1)

    with caplog.at_level(logging.WARNING, "phoenix_otel"):
        names = [{family.name for family in reader.families()} for _ in range(3)]
    assert names == [{"target", "jobs"}] * 3
    assert [record.levelname for record in caplog.records if "sizes" in record.getMessage()] == ["WARNING"]
    provider.shutdown()


def test_a_second_shutdown_is_no_error() -> None:
    reader = PrometheusReader(SCOPE, {})
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.shutdown()
    reader.shutdown()

    assert reader.families() == []


def test_nothing_recorded_is_an_empty_valid_exposition() -> None:
    assert Snapshot([]).exposition("") == (b"", "text/plain; version=0.0.4; charset=utf-8")
    assert Snapshot([]).exposition("application/openmetrics-text; version=1.0.0")[0] == b"# EOF\n"


def test_exposition_is_what_prometheus_client_writes() -> None:
    reader = PrometheusReader(SCOPE, {})
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter(SCOPE).create_counter("jobs", description="back\\slash\nnewline").add(1, {"q": 'a"b\\c\nd'})
    families = reader.families()

    body, _ = Snapshot(families).exposition("text/plain")
    assert body == generate_latest(Snapshot(families))
    assert b'jobs_total{q="a\\"b\\\\c\\nd"} 1.0\n' in body
    provider.shutdown()
