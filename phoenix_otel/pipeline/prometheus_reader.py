"""The reader of opentelemetry-exporter-prometheus, made fit for concurrent scrapes and mixed scopes."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family

from phoenix_otel.pipeline.snapshot import DirectSnapshot, Snapshot
from phoenix_otel.sdk.names import family_name, family_type, longest

if TYPE_CHECKING:  # where the SDK is not built as expected there are none
    from phoenix_otel.sdk.collection import Core
    from phoenix_otel.sdk.exposition import Exposition

_logger = logging.getLogger("phoenix_otel")


class PrometheusReader(PrometheusMetricReader):
    """Collects one state at a time into a private registry; all of it is safe from any number of threads.

    `labels` are put on every series. Those of `own_scope` have exactly the labels of the catalog; any other scope's
    carry otel_scope_name, as the specification of OpenTelemetry's compatibility with Prometheus has it.
    """

    def __init__(self, own_scope: str, labels: Mapping[str, str]) -> None:
        self._own_registry = CollectorRegistry(auto_describe=False)
        super().__init__(scope_info_enabled=False, registry=self._own_registry)
        self._core: Core | None = None
        self._exposition: Exposition | None = None
        self.takes_cells = False
        self._own_scope = own_scope
        self._labels = dict(labels)
        self._latest: MetricsData | None = None
        self._serial = Lock()
        self._closed = False
        self._unsupported: set[str] = set()

    def snapshot(self) -> Snapshot:
        """Return the present state, collected when it is asked for."""
        return (
            Snapshot(self.families())
            if self._core is None
            else DirectSnapshot(self.families, lambda openmetrics: self.text(openmetrics=openmetrics))
        )

    def families(self) -> list[Family]:
        """Collect once and return every metric family; nothing after a shutdown."""
        with self._serial:
            return [] if self._closed else list(self._own_registry.collect())

    def read_cells(self, core: Core) -> None:
        """Be led to the cells of a provider that has them: text is made from these directly."""
        self._core = core
        self._exposition = core.exposition(self._own_scope, self._labels)

    def text(self, *, openmetrics: bool) -> bytes:
        """Collect once and return every metric family as text; none after a shutdown, or without cells."""
        with self._serial:
            core, exposition = self._core, self._exposition
            if core is None or exposition is None:
                return b""
            instruments, data = ([], None) if self._closed else (core.shared_with(self), self._rest())
            body, unsupported = exposition.render(instruments, data, openmetrics=openmetrics)
            self._warn_unsupported(unsupported)
            return body

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: a scrape collects for itself, and what nobody read would show up twice in the next one."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Leave the registry; a second call does nothing."""
        with self._serial:
            if not self._closed:
                self._closed = True
                super().shutdown(timeout_millis, **kwargs)

    def _rest(self) -> MetricsData | None:
        """Collect what is not in cells."""
        self.takes_cells, self._latest = True, None
        try:
            self.collect()
        finally:
            self.takes_cells = False
        return self._latest

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        if self.takes_cells:
            self._latest = metrics_data
        elif metrics_data is not None:
            super()._receive_metrics(self._one_scope(metrics_data), timeout_millis, **kwargs)

    def _one_scope(self, data: MetricsData) -> MetricsData:
        """Join what is one family to Prometheus, so that its label names are known before its first sample."""
        joined: dict[tuple[object, ...], tuple[list[Metric], list[Any]]] = {}
        for scope_metrics in (scope for resource in data.resource_metrics for scope in resource.scope_metrics):
            extra = self._labels | self._scope_labels(scope_metrics.scope)
            for metric in scope_metrics.metrics:
                type_ = family_type(metric)
                if type_ is None:
                    self._warn_unsupported([metric.name])
                    continue
                key = (family_name(metric.name, metric.unit or "", type_), type_)
                alike, points = joined.setdefault(key, ([], []))
                alike.append(metric)
                points.extend(_with_labels(metric.data.data_points, extra))
        metrics = [_one(alike, points) for alike, points in joined.values()]
        resource_metrics = data.resource_metrics[0]
        scope = ScopeMetrics(InstrumentationScope(self._own_scope), metrics, "")
        return MetricsData([ResourceMetrics(resource_metrics.resource, [scope], resource_metrics.schema_url)])

    def _scope_labels(self, scope: InstrumentationScope) -> dict[str, str]:
        return {} if scope.name == self._own_scope else {"otel_scope_name": scope.name}

    def _warn_unsupported(self, names: Iterable[str]) -> None:
        for name in set(names) - self._unsupported:
            self._unsupported.add(name)
            _logger.warning(
                "phoenix_otel: %s is an exponential histogram, which the Prometheus text formats cannot show", name
            )


def _with_labels(points: Iterable[Any], labels: Mapping[str, str]) -> Iterable[Any]:
    if not labels:
        return points
    return [dataclasses.replace(point, attributes={**(point.attributes or {}), **labels}) for point in points]


def _one(alike: Sequence[Metric], points: list[Any]) -> Metric:
    data: Any = alike[0].data
    description = longest(*(metric.description for metric in alike))
    return dataclasses.replace(alike[0], description=description, data=dataclasses.replace(data, data_points=points))
