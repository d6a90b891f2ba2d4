"""Telemetry itself: whether what it records arrives, and whether it is well."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.metric import Metric

EXPORT_FAILURES: Final = Metric(
    name="phoenix_otel.export_failures",
    kind="counter",
    unit="{export}",
    description="OTLP pushes that did not arrive; what they had is in the next one that does",
)
EXPORT_LAST_SUCCESS: Final = Metric(
    name="phoenix_otel.export_last_success_timestamp",
    kind="gauge",
    unit="s",
    description="When the last OTLP push arrived, as Unix time",
)
INTERNAL_ERRORS: Final = Metric(
    name="phoenix_otel.internal_errors",
    kind="counter",
    unit="{error}",
    description="Errors inside telemetry, and of callbacks and listeners, that were kept from the scraper",
)
REFUSED_VALUES: Final = Metric(
    name="phoenix_otel.refused_values",
    kind="counter",
    unit="{value}",
    description="Values that no metric can hold, and label sets beyond the cardinality limit",
)
THREAD_RESTARTS: Final = Metric(
    name="phoenix_otel.thread_restarts",
    kind="counter",
    unit="{restart}",
    description="Threads of telemetry that had died and were started again",
    attributes=("thread",),
)

SERIES: Final = Metric(
    name="phoenix_otel.series",
    kind="gauge",
    unit="{series}",
    description="Attribute sets that a metric has; at its cardinality limit new ones are counted in one",
    attributes=("metric",),
    limited=False,
)

METRICS: Final = (SERIES, EXPORT_FAILURES, EXPORT_LAST_SUCCESS, INTERNAL_ERRORS, REFUSED_VALUES, THREAD_RESTARTS)
