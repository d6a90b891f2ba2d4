"""configure_telemetry() and the handle."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from phoenix_otel import ConfigError, MetricsConfig, configure_telemetry, get_metrics_collector, start_metrics_server
from phoenix_otel.environment_variables import PHOENIX_OTEL_FAST_PATH
from tests.http import fetch, samples


def our_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("phoenix-otel")}


def test_the_same_configuration_is_the_same_handle() -> None:
    telemetry = configure_telemetry(port=0, labels={"a": "b"})

    assert configure_telemetry(port=0, labels={"a": "b"}) is telemetry
    assert configure_telemetry(config=MetricsConfig(port=0, labels={"a": "b"})) is telemetry
    assert get_metrics_collector() is telemetry.collector


def test_another_configuration_is_an_error_that_shows_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PHOENIX_OTEL_FAST_PATH, raising=False)
    configure_telemetry(port=0)
    with pytest.raises(ConfigError, match=r"with port=0 \(argument\); asked for now: port=0 \(argument\), path='/m'"):
        configure_telemetry(port=0, path="/m")


def test_the_configuration_says_where_each_value_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PHOENIX_OTEL_FAST_PATH, raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", "0")
    config = configure_telemetry(path="/m").config

    assert config.sources == {"path": "argument", "port": "environment variable OTEL_EXPORTER_PROMETHEUS_PORT"}


def test_records_made_before_are_no_ops_and_later_ones_count() -> None:
    collector = get_metrics_collector()
    scraper = collector.scraper
    scraper.record_request("success", "search")
    telemetry = configure_telemetry(port=0)
    scraper.record_request("success", "search")

    key = ("scraper_requests_total", (("endpoint", "search"), ("method", "GET"), ("status", "success")))
    assert samples(fetch(telemetry.url, "/metrics").text)[key] == 1


def test_shutdown_is_idempotent_and_leaves_no_thread_and_no_socket() -> None:
    before = our_threads()
    with configure_telemetry(port=0) as telemetry:
        url = telemetry.url
        fetch(url, "/metrics")
        assert our_threads() - before == {
            f"phoenix-otel-{name}" for name in ("sampler", "server", "render", "watchdog")
        }

    assert telemetry.shutdown()
    assert telemetry.url == ""
    assert our_threads() - before == set()
    with pytest.raises(ConnectionRefusedError):
        fetch(url, "/metrics")
    telemetry.collector.scraper.record_request("success", "after")


def test_after_a_shutdown_it_starts_again_at_zero() -> None:
    with configure_telemetry(port=0) as first:
        first.collector.proxy.record_rotation()
    with configure_telemetry(port=0, path="/m") as second:
        assert second is not first
        assert samples(fetch(second.url, "/m").text)["proxy_rotations_total", ()] == 0
        second.collector.proxy.record_rotation()
        assert samples(fetch(second.url, "/m").text)["proxy_rotations_total", ()] == 1


@pytest.mark.parametrize("way", ["argument", "variable", "standard variable"])
def test_disabled_costs_nothing_and_changes_nothing(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = our_threads()
    if way == "variable":
        monkeypatch.setenv("PHOENIX_OTEL_ENABLED", "false")
    if way == "standard variable":
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    telemetry = configure_telemetry(enabled=False if way == "argument" else None)

    telemetry.collector.scraper.record_request("success", "search")
    telemetry.meter.create_counter("jobs").add(1)
    assert telemetry.url == ""
    assert telemetry.stats()["domains"]["scraper"] == {}
    assert our_threads() == before
    assert not isinstance(metrics.get_meter_provider(), MeterProvider)
    assert telemetry.force_flush()
    assert telemetry.shutdown()


def test_without_a_provider_ours_becomes_the_global_one() -> None:
    telemetry = configure_telemetry(port=0)
    metrics.get_meter("shop").create_counter("orders").add(3)

    assert samples(fetch(telemetry.url, "/metrics").text)["orders_total", (("otel_scope_name", "shop"),)] == 3


def test_a_provider_of_the_program_is_used_and_outlives_us(caplog: pytest.LogCaptureFixture) -> None:
    own_reader = InMemoryMetricReader()
    provider = MeterProvider([own_reader], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    with caplog.at_level(logging.INFO, "phoenix_otel"), configure_telemetry(port=0) as telemetry:
        telemetry.collector.scraper.record_request("success", "search")
        key = ("scraper_requests_total", (("endpoint", "search"), ("method", "GET"), ("status", "success")))
        assert samples(fetch(telemetry.url, "/metrics").text)[key] == 1

    assert any("attaching" in record.getMessage() for record in caplog.records)
    assert metrics.get_meter_provider() is provider
    provider.get_meter("m").create_counter("jobs").add(1)
    data = own_reader.get_metrics_data()
    assert data is not None
    names = {metric.name for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics}
    assert {"scraper.requests", "jobs"} <= names
    provider.shutdown()


async def test_start_metrics_server_and_stop_it() -> None:
    exporter = await start_metrics_server(MetricsConfig(port=0))
    url = exporter.url
    assert (await asyncio.to_thread(fetch, url, "/metrics")).status == 200

    await exporter.stop_http_server()
    assert exporter.url == ""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(fetch, url, "/metrics")

    again = await start_metrics_server(MetricsConfig(port=0))
    assert again is exporter
    assert (await asyncio.to_thread(fetch, again.url, "/metrics")).status == 200


async def test_the_loop_that_telemetry_is_started_in_is_watched() -> None:
    telemetry = await start_metrics_server(MetricsConfig(port=0))
    health = await asyncio.to_thread(fetch, telemetry.url, "/health")

    assert health.status == 200
    assert b'"lag_seconds": null' not in health.body


def test_get_metrics_collector_with_a_config_starts_telemetry() -> None:
    collector = get_metrics_collector(MetricsConfig(port=0))
    telemetry = configure_telemetry(port=0)

    assert telemetry.collector is collector
    assert telemetry.url


def test_a_host_that_is_not_ours_is_a_config_error_and_leaves_nothing_behind() -> None:
    before = our_threads()
    with pytest.raises(ConfigError, match=r"option host: '192\.0\.2\.1' from argument cannot be listened on"):
        configure_telemetry(host="192.0.2.1", port=0)

    assert our_threads() == before
    assert configure_telemetry(port=0).url


def test_buckets_of_the_configuration_are_used() -> None:
    telemetry = configure_telemetry(port=0, response_time_buckets=[1, 2], content_size_buckets=[10])
    telemetry.collector.scraper.record_response_time(1.5, "search", "success")
    telemetry.collector.proxy.record_proxy_response_time("h:1", 1.5)
    telemetry.collector.scraper.record_content_size(5, "search")

    found = samples(fetch(telemetry.url, "/metrics").text)
    bounds = {
        name: [dict(labels)["le"] for n, labels in found if n == name] for name, _ in found if name.endswith("_bucket")
    }
    assert bounds == {
        "scraper_response_time_seconds_bucket": ["1.0", "2.0", "+Inf"],
        "proxy_response_time_seconds_bucket": ["1.0", "2.0", "+Inf"],
        "scraper_content_size_bytes_bucket": ["10.0", "+Inf"],
    }


@pytest.mark.parametrize("exporters", ["none", ("none",)])
def test_no_exporter_means_no_endpoint(exporters: object) -> None:
    telemetry = configure_telemetry(exporters=exporters)

    assert telemetry.url == ""
    telemetry.collector.proxy.record_rotation()


def test_configuring_from_many_threads_gives_one_handle() -> None:
    handles: list[object] = []
    threads = [threading.Thread(target=lambda: handles.append(configure_telemetry(port=0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(map(id, handles))) == 1
    assert len(handles) == 8
