"""What the record set of one scraped page costs: ten records, by the recorders and by hand on each peer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.metrics import Meter

from benchmarks.peers import BUCKETS
from phoenix_otel.catalog import Metric, database, proxy, scraper
from phoenix_otel.recorders import Binding, MetricsCollector

ROUNDS: Final = 15
PAGES: Final = 1500
PROXY: Final = "10.1.2.3:8080"

RECORDS: Final[tuple[tuple[Metric, float, tuple[str, ...]], ...]] = (
    (proxy.ROTATIONS, 1, ()),
    (scraper.REQUESTS, 1, ("success", "property_details", "GET")),
    (scraper.RESPONSE_TIME, 0.42, ("property_details", "success")),
    (scraper.CONTENT_SIZE, 48_000, ("property_details", "html")),
    (proxy.REQUESTS, 1, (PROXY, "success")),
    (proxy.RESPONSE_TIME, 0.42, (PROXY,)),
    (scraper.PROPERTIES_SCRAPED, 1, ("85001", "success")),
    (database.QUERIES, 1, ("update_one", "properties", "success")),
    (database.QUERY_DURATION, 0.004, ("update_one", "properties")),
    (database.DOCUMENTS, 1, ("update_one", "properties")),
)
"""The records of one page, as the recorders make them."""


def by_recorders(meter: Meter) -> Callable[[], None]:
    """Record a page by the public methods of the recorders."""
    collector = MetricsCollector()
    collector.bind(Binding(meter))

    def page() -> None:
        collector.proxy.record_rotation()
        collector.scraper.record_request("success", "property_details", "GET")
        collector.scraper.record_response_time(0.42, "property_details", "success")
        collector.scraper.record_content_size(48_000, "property_details", "html")
        collector.proxy.record_proxy_request(PROXY, "success")
        collector.proxy.record_proxy_response_time(PROXY, 0.42)
        collector.scraper.record_property_scraped("85001", "success")
        collector.database.record_query("update_one", "properties", "success", 0.004)
        collector.database.record_documents("update_one", "properties", 1)

    return page


def by_prometheus_client() -> Callable[[], None]:
    """Record a page by prometheus_client."""
    from prometheus_client import CollectorRegistry, Counter, Histogram

    registry = CollectorRegistry()
    made: dict[str, Any] = {}
    for metric, *_ in RECORDS:
        name = metric.prometheus_name
        if metric.kind == "counter":
            made[metric.name] = Counter(name, "", metric.attributes, registry=registry)
        else:
            made[metric.name] = Histogram(
                name, "", metric.attributes, buckets=metric.buckets or BUCKETS, registry=registry
            )
    (
        rotations,
        requests,
        response_time,
        content_size,
        proxy_requests,
        proxy_time,
        properties,
        queries,
        duration,
        docs,
    ) = (made[metric.name] for metric, *_ in RECORDS)

    def page() -> None:
        rotations.inc()
        requests.labels("success", "property_details", "GET").inc()
        response_time.labels("property_details", "success").observe(0.42)
        content_size.labels("property_details", "html").observe(48_000)
        proxy_requests.labels(PROXY, "success").inc()
        proxy_time.labels(PROXY).observe(0.42)
        properties.labels("85001", "success").inc()
        queries.labels("update_one", "properties", "success").inc()
        duration.labels("update_one", "properties").observe(0.004)
        docs.labels("update_one", "properties").inc()

    return page


def by_opentelemetry(meter: Meter) -> Callable[[], None]:
    """Record a page by the OpenTelemetry API."""
    counters = {
        metric.name: meter.create_counter(metric.name, metric.unit)
        for metric, *_ in RECORDS
        if metric.kind == "counter"
    }
    histograms = {
        metric.name: meter.create_histogram(
            metric.name, metric.unit, explicit_bucket_boundaries_advisory=list(metric.buckets or BUCKETS)
        )
        for metric, *_ in RECORDS
        if metric.kind == "histogram"
    }
    rotations, requests, proxy_requests = (
        counters[metric.name] for metric in (proxy.ROTATIONS, scraper.REQUESTS, proxy.REQUESTS)
    )
    properties, queries, documents = (
        counters[metric.name] for metric in (scraper.PROPERTIES_SCRAPED, database.QUERIES, database.DOCUMENTS)
    )
    response_time, content_size = (histograms[metric.name] for metric in (scraper.RESPONSE_TIME, scraper.CONTENT_SIZE))
    proxy_time, duration = (histograms[metric.name] for metric in (proxy.RESPONSE_TIME, database.QUERY_DURATION))

    def page() -> None:
        rotations.add(1)
        requests.add(1, {"status": "success", "endpoint": "property_details", "method": "GET"})
        response_time.record(0.42, {"endpoint": "property_details", "status": "success"})
        content_size.record(48_000, {"endpoint": "property_details", "content_type": "html"})
        proxy_requests.add(1, {"proxy_id": PROXY, "status": "success"})
        proxy_time.record(0.42, {"proxy_id": PROXY})
        properties.add(1, {"zipcode": "85001", "status": "success"})
        queries.add(1, {"operation": "update_one", "collection": "properties", "status": "success"})
        duration.record(0.004, {"operation": "update_one", "collection": "properties"})
        documents.add(1, {"operation": "update_one", "collection": "properties"})

    return page


def measure() -> dict[str, float]:
    """Return microseconds a page, by peer. All take turns; the best round of each counts."""
    from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from phoenix_otel.sdk import MeterProvider

    def meter(provider: Any) -> Any:
        return provider([InMemoryMetricReader()], shutdown_on_exit=False).get_meter("benchmarks")

    pages = {
        "phoenix_otel, by the recorders": by_recorders(meter(MeterProvider)),
        "phoenix_otel, by the OpenTelemetry API": by_opentelemetry(meter(MeterProvider)),
        "prometheus_client": by_prometheus_client(),
        "OpenTelemetry SDK": by_opentelemetry(meter(PlainMeterProvider)),
        "OpenTelemetry SDK, by the recorders": by_recorders(meter(PlainMeterProvider)),
    }
    best = dict.fromkeys(pages, float("inf"))
    for _ in range(ROUNDS):
        for name, page in pages.items():
            start = time.perf_counter()
            for _ in range(PAGES):
                page()
            best[name] = min(best[name], (time.perf_counter() - start) / PAGES * 1e6)
    return best
