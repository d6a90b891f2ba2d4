"""For users' own tests: what was recorded, without a server, a thread or a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.sdk.resources import Resource
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

from phoenix_otel.config import resolve
from phoenix_otel.pipeline.pipeline import SCOPE, build_provider
from phoenix_otel.pipeline.prometheus_reader import PrometheusReader
from phoenix_otel.recorders import Binding, MetricsCollector
from phoenix_otel.telemetry import get_metrics_collector, reset

__all__ = ["RecordedMetrics", "recorded_metrics", "reset"]


class RecordedMetrics:
    """What has been recorded so far, by Prometheus name and labels."""

    def __init__(self, reader: PrometheusReader, collector: MetricsCollector) -> None:
        self._reader = reader
        self.collector = collector

    def families(self) -> Sequence[Family]:
        """Return every metric family."""
        return self._reader.families()

    def samples(self, name: str, **labels: str) -> list[Sample]:
        """Return the samples of this name that have these labels, such as `scraper_requests_total` or `..._count`."""
        found = (sample for family in self.families() for sample in family.samples if sample.name == name)
        return [sample for sample in found if labels.items() <= sample.labels.items()]

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of those samples, in the metric's unit; 0.0 if there is none."""
        return float(sum(sample.value for sample in self.samples(name, **labels)))

    def label_sets(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return every sample of this name that is not zero, by its sorted labels."""
        return {tuple(sorted(sample.labels.items())): sample.value for sample in self.samples(name) if sample.value}


@contextmanager
def recorded_metrics(*, cardinality_limit: int = 2000) -> Iterator[RecordedMetrics]:
    """Record into memory what decorators, trackers and collector see inside the block; ends a running telemetry."""
    reset()
    reader = PrometheusReader(SCOPE, {})
    options = resolve(options={"cardinality_limit": cardinality_limit}).options
    provider = build_provider(options, [reader], Resource.create())
    collector = get_metrics_collector()
    collector.bind(Binding(provider.get_meter(SCOPE), cardinality_limit=cardinality_limit))
    try:
        yield RecordedMetrics(reader, collector)
    finally:
        collector.unbind()
        provider.shutdown()
