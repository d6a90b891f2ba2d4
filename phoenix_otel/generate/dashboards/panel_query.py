"""Writes PromQL for panels: about the scrapers that are chosen on the page, at the rate its time range asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from phoenix_otel.catalog import Metric
from phoenix_otel.generate.promql import ON, Query
from phoenix_otel.generate.recording_rules import ALIVE, RecordingRule

CHOSEN: Final = 'job=~"$job",instance=~"$instance"'
RATE_INTERVAL: Final = "$__rate_interval"
RANGE: Final = "$__range"
SCRAPER: Final = ("job", "instance")
"""What tells one scraper from another, to group by."""

# an alert that no scraper is known at all has no instance
FIRING: Final = 'ALERTS{alertstate="firing",job=~"$job",instance=~"$instance|"}'

SUCCESS: Final = 'status="success"'
FAILED: Final = 'status="failed"'
BROKEN: Final = 'error_type!=""'
"""Of metrics by OpenTelemetry's conventions: their `error.type` is empty where nothing failed."""


def label(attribute: str) -> str:
    """Return what Prometheus calls an attribute."""
    return attribute.replace(".", "_")


def legend(*attributes: str) -> str:
    """Name series by the values of these attributes."""
    return " ".join(f"{{{{{label(attribute)}}}}}" for attribute in attributes)


def _by(attributes: tuple[str, ...]) -> str:
    return f" by ({', '.join(label(attribute) for attribute in attributes)})" if attributes else ""


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """Each method returns PromQL; `by` are attributes of the catalog, none for one sum over all scrapers."""

    rules: Query

    def series(self, metric: Metric, suffix: str = "", where: str = "") -> str:
        """Select a metric's series; `where` is a further matcher."""
        return f"{metric.prometheus_name}{suffix}{{{CHOSEN}{',' if where else ''}{where}}}"

    def recorded(self, rule: RecordingRule) -> str:
        """Select what a recording rule has recorded: one series for each scraper."""
        return f"{rule.record(self.rules)}{{{CHOSEN}}}"

    def total(self, gauge: Metric, *by: str, where: str = "") -> str:
        """A gauge, summed up."""
        return f"sum{_by(by)} ({self.series(gauge, where=where)})"

    def rate(self, counter: Metric, *by: str, suffix: str = "", where: str = "") -> str:
        """How fast a counter grows, per second."""
        return f"sum{_by(by)} (rate({self.series(counter, suffix, where)}[{RATE_INTERVAL}]))"

    def per_minute(self, counter: Metric, *by: str, where: str = "") -> str:
        """How fast a counter grows, per minute."""
        return f"60 * {self.rate(counter, *by, where=where)}"

    def count(self, counter: Metric, *by: str, window: str = RANGE, where: str = "") -> str:
        """How many there were in the window; a series that is new in it counts with all it has."""
        series = self.series(counter, where=where)
        return f"sum{_by(by)} (({series} unless {series} offset {window}) or increase({series}[{window}]))"

    def share(self, part: str, counter: Metric, *by: str, suffix: str = "") -> str:
        """The share of what the matcher `part` selects, 0 to 1; also where one of the two has no series yet."""
        some, all_of_them = self.rate(counter, *by, suffix=suffix, where=part), self.rate(counter, *by, suffix=suffix)
        return f"({some} or 0 * {all_of_them}) / {all_of_them}"

    def quantile(self, quantile: float, histogram: Metric, *by: str) -> str:
        """A quantile of what a histogram has counted."""
        return f"histogram_quantile({quantile}, {self.rate(histogram, *by, 'le', suffix='_bucket')})"

    def buckets(self, histogram: Metric) -> str:
        """What a heatmap is made of: how fast each bucket fills."""
        return self.rate(histogram, "le", suffix="_bucket")

    def mean(self, histogram: Metric, *by: str) -> str:
        """The mean of what a histogram has counted."""
        return f"{self.rate(histogram, *by, suffix='_sum')} / {self.rate(histogram, *by, suffix='_count')}"

    def or_zero(self, expression: str) -> str:
        """Each scraper's value, 0 for one that is alive and has none."""
        return f"{expression} or {ON} 0 * {self.recorded(ALIVE)}"
