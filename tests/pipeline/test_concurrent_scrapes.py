"""20 scrapers for 10 seconds under recording load: every answer is whole, ordered and true."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from phoenix_otel import Telemetry, configure_telemetry
from phoenix_otel.catalog import METRICS
from phoenix_otel.recorders import MetricsCollector
from phoenix_otel.recorders.database_pool import ConnectionPool
from tests.http import families, fetch, samples

SECONDS = 10
SCRAPERS = 20
WRITERS = 4
ENDPOINTS = [f"endpoint_{number:02}" for number in range(20)]

NAMED_BY_OTHERS = {
    "proxy_total_count",
    "proxy_healthy_count",
    "database_collection_document_count",
    "db_client_connection_count",
}
"""Gauges whose names end in _count: the contract and OpenTelemetry's conventions have them, promtool rather not."""


class Load:
    """Threads that record as fast as they can, and count what they have recorded."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._stop = threading.Event()
        self.recorded = [0] * WRITERS
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> int:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return sum(self.recorded)

    def _write(self, number: int) -> None:
        collector = self._telemetry.collector
        while not self._stop.is_set():
            for endpoint in ENDPOINTS:
                collector.scraper.record_request("success", endpoint)
                collector.scraper.record_response_time(0.3, endpoint, "success")
                self.recorded[number] += 1
            self._stop.wait(0.002)


def scrape_until(telemetry: Telemetry, deadline: float) -> tuple[int, float]:
    """Scrape again and again; return the number of scrapes and the last total. Totals never fall, nothing shifts."""
    expected = {
        (("endpoint", name), ("method", "GET"), ("status", status))
        for name in ENDPOINTS
        for status in ("failed", "success")
    }
    last, scrapes = 0.0, 0
    while time.monotonic() < deadline:
        answer = fetch(telemetry.url, "/metrics")
        assert answer.status == 200
        found = samples(answer.text)
        assert {labels for name, labels in found if name == "scraper_requests_total"} == expected
        for endpoint in ENDPOINTS:
            assert (
                found["scraper_requests_total", (("endpoint", endpoint), ("method", "GET"), ("status", "failed"))] == 0
            )
            timing = (("endpoint", endpoint), ("status", "success"))
            count = found["scraper_response_time_seconds_count", timing]
            assert (
                found[
                    "scraper_response_time_seconds_bucket",
                    (("endpoint", endpoint), ("le", "+Inf"), ("status", "success")),
                ]
                == count
            )
            assert found["scraper_response_time_seconds_sum", timing] == pytest.approx(0.3 * count)
        total = sum(value for (name, _), value in found.items() if name == "scraper_requests_total")
        assert total >= last
        last, scrapes = total, scrapes + 1
    return scrapes, last


@pytest.mark.timeout(120)
def test_concurrent_scrapes_are_whole_and_true() -> None:
    telemetry = configure_telemetry(port=0, collection_interval=0.2)
    for endpoint in ENDPOINTS:
        telemetry.collector.scraper.record_request("success", endpoint)
        telemetry.collector.scraper.record_response_time(0.3, endpoint, "success")
    load = Load(telemetry)
    load.start()
    deadline = time.monotonic() + SECONDS
    try:
        with ThreadPoolExecutor(SCRAPERS) as pool:
            results = [
                future.result() for future in [pool.submit(scrape_until, telemetry, deadline) for _ in range(SCRAPERS)]
            ]
    finally:
        recorded = load.stop() + len(ENDPOINTS)

    found = samples(fetch(telemetry.url, "/metrics").text)
    assert sum(value for (name, _), value in found.items() if name == "scraper_requests_total") == recorded
    assert sum(value for (name, _), value in found.items() if name == "scraper_response_time_seconds_count") == recorded
    assert all(scrapes > 0 for scrapes, _ in results)
    print(f"\n{sum(scrapes for scrapes, _ in results)} scrapes by {SCRAPERS} clients, {recorded} records, all exact")  # noqa: T201


def record_one_of_each(telemetry: Telemetry) -> None:
    collector = telemetry.collector
    collector.scraper.record_request("success", "search")
    collector.scraper.record_response_time(1, "search", "success")
    collector.scraper.record_content_size(1, "search")
    collector.scraper.record_property_scraped("85001")
    collector.scraper.record_error("E", "search")
    collector.scraper.record_retry("search", 1)
    collector.scraper.set_session_status(True)
    collector.proxy.set_proxy_counts(2, 1)
    collector.proxy.set_cooldown_count(1)
    collector.proxy.record_proxy_request("h:1", "success")
    collector.proxy.record_health_check("h:1", 0.1, False)
    collector.proxy.record_proxy_response_time("h:1", 0.1)
    collector.proxy.record_rotation()
    collector.database.set_active_connections(1)
    collector.database.record_connection_error("E")
    collector.database.record_query("find", "c", "success", 0.1)
    collector.database.record_documents("find", "c", 1)
    collector.database.set_collection_stats("c", 1, 1)
    collector.rate_limit.record_rate_limit_hit("api", "throttle", 1)
    collector.rate_limit.set_current_rate("api", 1)
    collector.rate_limit.set_limit_remaining("api", 1)
    record_one_of_each_client_metric(collector)
    collector.telemetry.watch(Pushed(), {"push": 0})


def record_one_of_each_client_metric(collector: MetricsCollector) -> None:
    pool = collector.database.pool
    pool.record_create_time("db:27017", 0.1)
    pool.record_wait_time("db:27017", 0.1)
    pool.record_use_time("db:27017", 0.1)
    pool.record_timeout("db:27017")
    client = collector.http_client
    client.record_request("GET", "site", 200, "", 0.1)
    client.record_body_time("GET", "site", 200, "", 0.1)
    client.record_body_size("GET", "site", 200, "", 1, "h:1")
    client.record_resend("GET", "site", "redirect")
    client.record_connection("site", "h:1", 0.1)
    client.record_dns_lookup("site", 0.1)
    client.record_browser_request("document", "site", "")
    client.record_browser_received("document", "site", 1)


class Pushed:
    """A push that has failed once."""

    failures = 1
    last_success_at: float | None = 1.7e9


class Driver:
    """A database driver with one pool."""

    def pools(self) -> list[ConnectionPool]:
        return [ConnectionPool("db:27017", idle=1, used=1, limit=10)]


@pytest.fixture
def everything() -> str:
    telemetry = configure_telemetry(port=0, collection_interval=0.05)
    record_one_of_each(telemetry)
    driver = Driver()
    telemetry.collector.database.observe_pools(driver, Driver.pools)
    waiting = threading.Event()
    while "system_cpu_usage_percent" not in (text := fetch(telemetry.url, "/metrics").text):
        waiting.wait(0.02)
    return text


def test_every_metric_of_the_catalog_is_exposed_as_the_catalog_has_it(everything: str) -> None:
    found = families(everything)
    for metric in METRICS:
        family = found.pop(
            metric.prometheus_name.removesuffix("_total") if metric.kind == "counter" else metric.prometheus_name
        )
        assert family.type == metric.kind
        assert family.documentation == metric.description
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == {name.replace(".", "_") for name in metric.attributes}
        bounds = [sample.labels["le"] for sample in family.samples if sample.name.endswith("_bucket")]
        assert [float(bound) for bound in dict.fromkeys(bounds)] == [
            *metric.buckets,
            *([float("inf")] if metric.buckets else []),
        ]
    assert set(found) == {"target_info"}


def test_promtool_accepts_the_exposition(everything: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=everything, text=True, capture_output=True, check=False
    )

    complaints = [line for line in (checked.stdout + checked.stderr).splitlines() if line.strip()]
    assert [line for line in complaints if line.split(" ")[0] not in NAMED_BY_OTHERS] == []
    assert checked.returncode in (0, 3)  # 3: lint remarks only, those above; 1 would be a parse error
