"""Writes PromQL about the catalog's metrics: names and labels come from the catalog, never from a literal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from phoenix_otel.catalog import Metric

INSTANCE: Final = "job, instance"
"""What one scraper process is to Prometheus."""

IDENTITY: Final = ("job", "instance", "service", "environment")
"""What alerts and recorded series are grouped by; service and environment only where the scraper has these labels."""

BY: Final = f"by ({', '.join(IDENTITY)})"
ON: Final = f"on ({INSTANCE})"

_DURATION_UNITS: Final = ((3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


def duration_text(seconds: float) -> str:
    """Write a duration in the largest unit that holds it exactly: 300 is `5m`, 90 is `90s`."""
    milliseconds = round(seconds * 1000)
    if not milliseconds:
        return "0s"
    return next(f"{milliseconds // unit}{name}" for unit, name in _DURATION_UNITS if not milliseconds % unit)


def number_text(value: float) -> str:
    """Write a number as a person would: 0.5, 10, 86400."""
    return f"{value:.10g}"


@dataclass(frozen=True, slots=True)
class Query:
    """Writes queries about one job; `window` (seconds) is the range of its rates."""

    job: str
    window: float

    @property
    def range(self) -> str:
        """The range of rates, as PromQL writes it."""
        return duration_text(self.window)

    def series(self, metric: Metric | str, suffix: str = "", **labels: str) -> str:
        """Select a metric's series: `name{job="...",label="value"}`."""
        name = metric if isinstance(metric, str) else metric.prometheus_name
        matchers = ",".join(f'{label}="{value}"' for label, value in {"job": self.job, **labels}.items())
        return f"{name}{suffix}{{{matchers}}}"

    def increase(self, metric: Metric, suffix: str = "", **labels: str) -> str:
        """How much a counter grew in the window, in each scraper process."""
        return f"sum {BY} (increase({self.series(metric, suffix, **labels)}[{self.range}]))"

    def enough(self, metric: Metric, floor: float | None, suffix: str = "") -> str:
        """The scraper processes in which a counter grew by at least `floor` in the window.

        Compared with one event less: increase() extrapolates from between two scrapes, and may miss one at the edge.
        """
        return f"{self.increase(metric, suffix)} > {number_text(max(0.0, (floor or 0) - 1))}"

    def rate(self, metric: Metric, suffix: str = "", **labels: str) -> str:
        """How fast a counter grows, per second, in each scraper process."""
        return f"sum {BY} (rate({self.series(metric, suffix, **labels)}[{self.range}]))"

    def failed_ratio(self, metric: Metric) -> str:
        """The share of `status="failed"`, 0 to 1; also where one of the two statuses has no series yet."""
        failed, all_of_them = self.rate(metric, status="failed"), self.rate(metric)
        return f"({failed}\n  or 0 * {all_of_them})\n/\n{all_of_them}"

    def p95(self, histogram: Metric) -> str:
        """The 95th percentile, over all other labels."""
        rates = f"rate({self.series(histogram, '_bucket')}[{self.range}])"
        return f"histogram_quantile(0.95, sum by ({', '.join((*IDENTITY, 'le'))}) ({rates}))"
