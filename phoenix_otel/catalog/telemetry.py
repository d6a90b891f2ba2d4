"""The measuring itself."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog.metric import Metric

SERIES: Final = Metric(
    name="phoenix_otel.series",
    kind="gauge",
    unit="{series}",
    description="Attribute sets that a metric has; at its cardinality limit new ones are counted in one",
    attributes=("metric",),
    limited=False,
)

METRICS: Final = (SERIES,)
