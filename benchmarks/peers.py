"""Who is measured: each counts, sets, observes and writes text for the same labels, through its own public names."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Final

os.environ.setdefault("PROMETHEUS_DISABLE_CREATED_SERIES", "True")  # so that prometheus_client writes the same lines

LABELS: Final = ("status", "endpoint", "method")
BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
UNLIMITED: Final = 1_000_000
Values = Sequence[str]
Record = Callable[[], None]


class OpenTelemetry:
    """By the OpenTelemetry API, on the SDK's MeterProvider with its Prometheus reader."""

    name = "OpenTelemetry SDK"

    def __init__(self) -> None:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from prometheus_client import CollectorRegistry

        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)
        self.use(MeterProvider([reader], shutdown_on_exit=False))

    def use(self, provider: Any) -> None:
        """Make the instruments."""
        meter = provider.get_meter("benchmarks")
        self.counter = meter.create_counter("pages")
        self.up_down = meter.create_up_down_counter("open_pages")
        self.gauge = meter.create_gauge("last_page")
        self.histogram = meter.create_histogram("page_time", explicit_bucket_boundaries_advisory=list(BUCKETS))

    # what is timed builds its attributes anew, as code that measures does
    def count(self) -> None:
        """Count one page."""
        self.counter.add(1, {"status": "success", "endpoint": "search", "method": "GET"})

    def move(self) -> None:
        """Count one open page."""
        self.up_down.add(1, {"status": "success", "endpoint": "search", "method": "GET"})

    def put(self) -> None:
        """Set a gauge."""
        self.gauge.set(1.5, {"status": "success", "endpoint": "search", "method": "GET"})

    def observe(self) -> None:
        """Record a duration."""
        self.histogram.record(0.3, {"status": "success", "endpoint": "search", "method": "GET"})

    def count_series(self, values: Values) -> None:
        """Count on one of many series."""
        self.counter.add(1, dict(zip(LABELS, values, strict=True)))

    def observe_series(self, values: Values) -> None:
        """Record on one of many series."""
        self.histogram.record(0.3, dict(zip(LABELS, values, strict=True)))

    def scrape(self) -> bytes:
        """Write text 0.0.4."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)


class Phoenix(OpenTelemetry):
    """By the OpenTelemetry API, on phoenix_otel.sdk's MeterProvider with the reader of its endpoint."""

    name = "phoenix_otel"

    def __init__(self) -> None:
        from phoenix_otel.pipeline.prometheus_reader import PrometheusReader
        from phoenix_otel.sdk import MeterProvider

        self._reader = PrometheusReader("benchmarks", {})
        self.use(MeterProvider([self._reader], shutdown_on_exit=False, cardinality_limit=UNLIMITED))

    def scrape(self) -> bytes:
        """Write text 0.0.4."""
        return self._reader.text(openmetrics=False)


class PrometheusClient:
    """prometheus_client, with label values by position: its fastest way short of keeping children by hand."""

    name = "prometheus_client"

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self.counter = Counter("pages", "", LABELS, registry=self._registry)
        self.gauge = Gauge("last_page", "", LABELS, registry=self._registry)
        self.histogram = Histogram("page_time", "", LABELS, buckets=BUCKETS, registry=self._registry)

    def count(self) -> None:
        """Count one page."""
        self.counter.labels("success", "search", "GET").inc()

    def move(self) -> None:
        """Count one open page."""
        self.gauge.labels("success", "search", "GET").inc()

    def put(self) -> None:
        """Set a gauge."""
        self.gauge.labels("success", "search", "GET").set(1.5)

    def observe(self) -> None:
        """Record a duration."""
        self.histogram.labels("success", "search", "GET").observe(0.3)

    def count_series(self, values: Values) -> None:
        """Count on one of many series."""
        self.counter.labels(*values).inc()

    def observe_series(self, values: Values) -> None:
        """Record on one of many series."""
        self.histogram.labels(*values).observe(0.3)

    def scrape(self) -> bytes:
        """Write text 0.0.4."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)


class PrometheusClientByName(PrometheusClient):
    """prometheus_client, with label values by name, as attributes are given in OpenTelemetry."""

    name = "prometheus_client, labels by name"

    def count(self) -> None:
        """Count one page."""
        self.counter.labels(status="success", endpoint="search", method="GET").inc()

    def move(self) -> None:
        """Count one open page."""
        self.gauge.labels(status="success", endpoint="search", method="GET").inc()

    def put(self) -> None:
        """Set a gauge."""
        self.gauge.labels(status="success", endpoint="search", method="GET").set(1.5)

    def observe(self) -> None:
        """Record a duration."""
        self.histogram.labels(status="success", endpoint="search", method="GET").observe(0.3)


class Logfire(OpenTelemetry):
    """logfire's metrics, configured to send nothing anywhere."""

    name = "logfire"

    def __init__(self) -> None:
        import logfire
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        metrics = logfire.MetricsOptions(additional_readers=[InMemoryMetricReader()])
        logfire.configure(send_to_logfire=False, console=False, metrics=metrics)
        self.counter = logfire.metric_counter("pages")
        self.up_down = logfire.metric_up_down_counter("open_pages")
        self.gauge = logfire.metric_gauge("last_page")
        self.histogram = logfire.metric_histogram("page_time")


PEERS: Final = (Phoenix, PrometheusClient, PrometheusClientByName, OpenTelemetry, Logfire)
SCRAPED: Final = (Phoenix, PrometheusClient, OpenTelemetry)


def series(number: int, width: int = 100) -> tuple[str, str, str]:
    """Return the label values of one of many series."""
    return "success", f"endpoint_{number // width}", f"method_{number % width}"
