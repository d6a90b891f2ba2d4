"""Reads single numbers out of Telemetry.stats()."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

Series = Mapping[str, Any]


class Numbers:
    """One snapshot of the current values."""

    def __init__(self, stats: Mapping[str, Any]) -> None:
        self._metrics: dict[str, list[Series]] = {
            name: metric["series"] for domain in stats["domains"].values() for name, metric in domain.items()
        }

    def total(self, metric: str, **labels: str) -> float:
        """The sum of the metric's series that carry these labels; 0 if there is none."""
        return float(sum(series["value"] for series in self._matching(metric, labels)))

    def p95(self, metric: str, **labels: str) -> float | None:
        """The slowest 95th percentile among the histogram's series that carry these labels."""
        known = [series["p95"] for series in self._matching(metric, labels) if series["p95"] is not None]
        return max(known, default=None)

    def values_of(self, metric: str, label: str) -> list[str]:
        """The values that the label has among the metric's series, sorted."""
        return sorted({series["labels"][label] for series in self._matching(metric, {}) if label in series["labels"]})

    def _matching(self, metric: str, labels: Mapping[str, str]) -> Iterator[Series]:
        return (series for series in self._metrics.get(metric, ()) if labels.items() <= series["labels"].items())


class Rate:
    """How fast a total grows, per second, over the last `window` seconds."""

    def __init__(self, window: float = 5.0) -> None:
        self._window = window
        self._seen: deque[tuple[float, float]] = deque()

    def update(self, now: float, total: float) -> float:
        """The rate, now that the total is known to be this much."""
        self._seen.append((now, total))
        while self._seen[0][0] < now - self._window:
            self._seen.popleft()
        started, before = self._seen[0]
        return (total - before) / (now - started) if now > started else 0.0
